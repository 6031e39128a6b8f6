"""A pickle -> lists, dicts, numbers, text, and inert stubs for everything else. Nothing in it runs.

Python's own unpickler reads the opcodes. It is given a stub for every class and function that the pickle names, so that
calling, building or filling one only writes down what was asked. `rebuilding.py` makes tensors of the stubs it knows.
Before that, `_check` looks through the opcodes for what would exhaust the memory or the C stack.
"""

import io
import pickle
import pickletools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from resnets.weights.topology import Geometry

MOST_OPCODES = 4_000_000  # a ResNet-152 with its optimizer's state has 60,000
MOST_NAMES = 4096  # classes and functions that a pickle may name
MOST_ARGUMENTS = 16_000_000  # of all calls together: a call copies them
LARGEST_KEY = 1000  # objects in a tuple that is a key, those of the tuples in it among them

_CALLS = {"REDUCE", "NEWOBJ"}
_NESTING = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}

# Modules whose functions have no place among weights: that a pickle names one is said.
_CODE = {
    "os", "posix", "nt", "sys", "subprocess", "socket", "shutil", "runpy", "importlib", "code", "pty", "ctypes",
    "webbrowser", "commands", "pip", "timeit", "cProfile", "pdb",
}  # fmt: skip
_CODE_NAMES = {"eval", "exec", "execfile", "compile", "open", "__import__", "getattr", "apply", "breakpoint", "input"}


class Unreadable(Exception):  # noqa: N818 - it says what the pickle is
    """What makes a pickle one that cannot be read, as the end of a sentence."""


class Stub:
    """An object of a class that is not loaded: what the pickle would have given it, written down.

    `home` is the class's or function's name, `arguments` what it was called with, `state` what it would have been
    built from, `members` what would have been appended to it and `pairs` what would have been set in it.
    `geometry` is that of a convolution whose numbers stand in TorchScript's code rather than in its state.
    """

    __slots__ = ("arguments", "members", "pairs", "state")
    home: ClassVar[str] = ""
    geometry: ClassVar[Geometry | None] = None

    arguments: tuple[Any, ...]
    state: Any
    members: list[Any]
    pairs: list[tuple[Any, Any]]

    def __new__(cls, *arguments: Any) -> "Stub":
        made = object.__new__(cls)
        made.arguments = arguments
        made.state = None
        made.members = []
        made.pairs = []
        return made

    def __init__(self, *_: Any) -> None:
        """Nothing: `__new__` alone is called for some opcodes."""

    def __call__(self, *arguments: Any) -> "Stub":
        return _Called(self, *arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs.append((key, value))

    def append(self, value: Any) -> None:
        self.members.append(value)

    def extend(self, values: Any) -> None:
        self.members.extend(values)

    add = append

    def __repr__(self) -> str:
        return f"<{self.home}, not loaded>"


class _Called(Stub):
    home = "the result of a call"


class Persistent(Stub):
    """What a pickle keeps outside of itself: a storage of numbers, by the identifier in `arguments`."""

    home = "a storage"


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")  # numbers that Python 2 wrote are text, any byte a letter
        self.stubs: dict[tuple[str, str], type[Stub]] = {}
        self.stored: list[Any] = []

    def find_class(self, module_name: str, global_name: str, /) -> type[Stub]:
        key = (module_name, global_name)
        if key not in self.stubs:
            if len(self.stubs) >= MOST_NAMES:
                raise Unreadable(f"it names more than {MOST_NAMES:,} classes")
            home = f"{module_name}.{global_name}"
            self.stubs[key] = type("Unloaded", (Stub,), {"__slots__": (), "home": home})
        return self.stubs[key]

    def persistent_load(self, pid: Any) -> Any:
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module":  # a class with its source, before torch 1.6
            return pid[1]
        self.stored.append(pid)
        return Persistent(pid)


@dataclass(frozen=True, slots=True)
class Unpickled:
    """What a pickle holds: `stored` are its persistent identifiers, `code` names functions that are no weights'.

    `classes` are the stubs that stand for classes and functions, by their whole names.
    """

    content: Any
    stored: tuple[Any, ...]
    code: tuple[str, ...]
    classes: Mapping[str, type[Stub]]


def unpickled(file: io.BytesIO) -> Unpickled:
    """The next object of a file, the file left behind it.

    Raises Unreadable, with the end of a sentence, for what is no pickle or would exhaust the memory.
    """
    begin = file.tell()
    _check(file)
    file.seek(begin)
    reader = _Unpickler(file)
    try:
        found = reader.load()
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("it asks for more memory than there is") from None
    except Exception as error:
        raise Unreadable("it is damaged, or no checkpoint") from error
    code = tuple(f"{module}.{name}" for module, name in reader.stubs if _runs(module, name))
    return Unpickled(found, tuple(reader.stored), code, {stub.home: stub for stub in reader.stubs.values()})


def _runs(module: str, name: str) -> bool:
    first, last = module.partition(".")[0], name.rpartition(".")[2]
    builtin = first in ("builtins", "__builtin__")
    return first in _CODE or (builtin and last in _CODE_NAMES) or module in ("torch.hub", "torch.utils.cpp_extension")


def _check(file: io.BytesIO) -> None:
    """Raise Unreadable where reading the next pickle would exhaust the memory or the C stack."""
    sizes: list[int] = []  # of each object on the stack: how many objects its tuples hold, all levels together
    marks: list[int] = []  # how many objects were below each mark
    memo: dict[int, int] = {}
    arguments = 0
    for count, (opcode, argument, position) in enumerate(_opcodes(file)):
        name = opcode.name
        if count > MOST_OPCODES:
            raise Unreadable(f"it has more than {MOST_OPCODES:,} instructions, which no weights need")
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            # The C unpickler makes room for every index up to the largest.
            index = len(memo) if name == "MEMOIZE" else argument
            if not 0 <= index <= (position or 0):
                raise Unreadable("it asks for more memory than its own objects need")
            memo[index] = sizes[-1] if sizes else 1
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            sizes.append(memo.get(argument, 1))
        elif name == "MARK":
            marks.append(len(sizes))
        elif name == "DUP":
            sizes.append(sizes[-1] if sizes else 1)
        elif name == "NEWOBJ_EX":
            raise Unreadable("it makes objects by name and value, which no weights need")
        elif name == "POP" and marks and marks[-1] == len(sizes):
            marks.pop()
        else:
            if name in _CALLS and sizes:
                arguments += sizes[-1]
            if arguments > MOST_ARGUMENTS:
                raise Unreadable("it stands for far more than its own size")
            _follow(opcode, sizes, marks)


def _follow(opcode: Any, sizes: list[int], marks: list[int]) -> None:
    """What an opcode does to the sizes of the objects on the stack. Raises Unreadable for a key of too many."""
    before, name = opcode.stack_before, opcode.name
    if pickletools.markobject in before:
        below = before.index(pickletools.markobject)
        first = max((marks.pop() if marks else 0) - below, 0)
        new = sizes[first + below :]
    else:
        first = max(len(sizes) - len(before), 0)
        new = sizes[first:]
    keys = {"SETITEMS": new[::2], "DICT": new[::2], "SETITEM": new[1:2], "ADDITEMS": new, "FROZENSET": new}.get(name)
    if keys and max(keys) > LARGEST_KEY:  # hashing recurses in C, through every object as often as it occurs
        raise Unreadable(f"it has keys of more than {LARGEST_KEY:,} parts, which no weights need")
    size = min(1 + sum(new), MOST_ARGUMENTS) if name in _NESTING else 1
    del sizes[first:]
    sizes.extend([size] * len(opcode.stack_after))


def _opcodes(file: io.BytesIO) -> Iterator[tuple[Any, Any, int | None]]:
    try:
        yield from pickletools.genops(file)
    except (ValueError, OverflowError) as error:
        raise Unreadable("it is damaged, or no checkpoint") from error
    except MemoryError:
        raise Unreadable("it asks for more memory than there is") from None
