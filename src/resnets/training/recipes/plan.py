"""What a training run does, as one value: network, preprocessing, recipe and execution, to and from TOML."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tomlkit

from resnets import spec_values
from resnets.base import settings
from resnets.base.errors import InputError, nearest
from resnets.base.reading import read_text
from resnets.base.settings import setting
from resnets.data import preprocessing as preprocessings
from resnets.data.preprocessing import Preprocessing
from resnets.spec import ResNetSpec
from resnets.training.recipes.recipe import Recipe, check_each, documented, replaced

Precision = Literal["float32", "bfloat16"]
MemoryFormat = Literal["channels_last", "contiguous"]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How the arithmetic is carried out on this machine: what is computed stays the same but for its last bits."""

    threads: int = setting(0, "threads that compute; 0: as many as torch takes", 0, 4096)
    precision: Precision = setting("float32", "of activations and gradients; weights are always float32")
    memory_format: MemoryFormat = setting("channels_last", "order of the pixels of activations and kernels in memory")
    compile: bool = setting(False, "whether torch.compile fuses the network's operations")
    winograd: bool = setting(
        False, "on a CPU: whether gradients of 3x3 kernels take a quarter of the multiplications, in another basis"
    )
    graph: bool = setting(False, "on a GPU: whether a step is recorded once as a CUDA graph and then replayed")

    def __post_init__(self) -> None:
        settings.check(self)

    def __str__(self) -> str:
        parts = [
            self.memory_format,
            self.precision,
            *(["compiled"] if self.compile else []),
            *(["winograd"] if self.winograd else []),
            *(["graph"] if self.graph else []),
        ]
        return ", ".join([*parts, *([f"{self.threads} threads"] if self.threads else [])])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides a run besides its data, and why what was chosen was chosen."""

    spec: ResNetSpec
    preprocessing: Preprocessing
    recipe: Recipe
    network: str = "custom"  # the name under which the spec was found
    execution: Execution = dataclasses.field(default_factory=Execution)
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        stages = len(self.spec.depths)
        if self.recipe.freeze_stages > stages + 1:
            raise InputError(
                f"freeze_stages = {self.recipe.freeze_stages}: must be at most {stages + 1}, the stem and the {stages} "
                f"stages of {self.network}"
            )

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON or TOML values, in four tables."""
        return {
            "network": self.network,
            "recipe": dataclasses.asdict(self.recipe),
            "execution": dataclasses.asdict(self.execution),
            "preprocessing": preprocessings.to_dict(self.preprocessing),
            "spec": spec_values.to_dict(self.spec),
            "reasons": list(self.reasons),
        }


def plan_from_dict(values: Mapping[str, Any], *, where: str) -> Plan:
    """The plan that `Plan.as_dict` wrote."""
    return Plan(
        spec=spec_values.from_dict(values["spec"], where=where),
        preprocessing=preprocessings.from_dict(values["preprocessing"], where=where),
        recipe=replaced(Recipe(), values["recipe"], where=where),
        execution=Execution(**values["execution"]),
        network=values["network"],
        reasons=tuple(values["reasons"]),
    )


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the user wants otherwise than the defaults: fields of the parts of a plan."""

    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    execution: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    preprocessing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    spec: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    network: str | None = None
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)  # of settings that come with a recipe: which

    def of(self, recipe: str) -> "Changes":
        """The same, known to come with the recipe of this name."""
        names = [*self.recipe, *(f"preprocessing.{name}" for name in self.preprocessing)]
        names += ["network"] if self.network else []
        return dataclasses.replace(self, sources=dict.fromkeys(names, recipe))

    def origin(self, name: str) -> str:
        """In words, what asks for a setting: `as set`, or the recipe it comes with."""
        return f"from recipe {self.sources[name]}" if name in self.sources else "as set"

    def __or__(self, other: "Changes") -> "Changes":
        """Both, where `other` has the last word."""
        return Changes(
            recipe={**self.recipe, **other.recipe},
            execution={**self.execution, **other.execution},
            preprocessing={**self.preprocessing, **other.preprocessing},
            spec={**({} if other.network else self.spec), **other.spec},  # another network's fields are its own
            network=other.network or self.network,
            sources={**{name: of for name, of in self.sources.items() if not other._sets(name)}, **other.sources},
        )

    def _sets(self, name: str) -> bool:
        if name == "network":
            return self.network is not None
        table, _, field = name.rpartition(".")
        return field in (self.preprocessing if table else self.recipe)

    def __bool__(self) -> bool:
        return bool(self.recipe or self.execution or self.preprocessing or self.spec or self.network)


TABLES: Mapping[str, type] = {
    "recipe": Recipe,
    "execution": Execution,
    "preprocessing": Preprocessing,
    "spec": ResNetSpec,
}


def read(path: str | Path) -> Changes:
    """The changes a recipe file asks for: tables [recipe], [execution], [preprocessing] and [spec], and `network`."""
    path = Path(path)
    try:
        values = tomllib.loads(read_text(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a recipe is a TOML file such as the recipe.toml of a run") from None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    return changes(values, where=str(path))


def changes(values: Mapping[str, Any], *, where: str) -> Changes:
    """Changes from nested tables; a setting of [recipe] may also stand outside it."""
    loose_names = documented()
    for name, value in values.items():
        if name in TABLES:
            _check_table(name, value, where)
        elif name == "network":
            if not isinstance(value, str):
                raise InputError(f"{where}: network = {value!r}: must be a name that `resnets list` prints, in quotes")
        elif name not in loose_names:
            raise InputError(f"{where}: unknown setting {name!r}; {nearest(name, {*loose_names, *TABLES, 'network'})}")
    loose = {name: value for name, value in values.items() if name in loose_names}
    if twice := sorted(loose.keys() & values.get("recipe", {}).keys()):
        raise InputError(f"{where}: {twice[0]} is set twice, alone and as recipe.{twice[0]}; keep one")
    recipe = {**loose, **values.get("recipe", {})}
    check_each(recipe, where=where)
    execution = values.get("execution", {})
    try:
        Execution(**execution)
    except InputError as error:
        raise InputError(f"{where}, execution: {error}") from None
    return Changes(
        recipe=recipe,
        execution=execution,
        preprocessing=values.get("preprocessing", {}),
        spec=values.get("spec", {}),
        network=values.get("network"),
    )


def _check_table(name: str, value: object, where: str) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {name} must be a table, [{name}]")
    known = [field.name for field in dataclasses.fields(TABLES[name])]
    for key in value:  # pyright: ignore[reportUnknownVariableType] # of a TOML table: text
        if key not in known:
            raise InputError(f"{where}, {name}: unknown setting {key!r}; {nearest(str(key), known)}")  # pyright: ignore[reportUnknownArgumentType] # as above


def agrees(plan: Plan, changes: Changes) -> bool:
    """Whether `changes` ask for nothing that `plan` is not already; its number of classes is the data's."""
    fields = {name: value for name, value in changes.spec.items() if name != "num_classes"}
    chosen = {name: tuple(v) if isinstance(v, list) else v for name, v in changes.preprocessing.items()}
    if spec_values.is_whole(changes.spec):
        spec = spec_values.from_dict({**fields, "num_classes": plan.spec.num_classes})
    else:
        spec = spec_values.with_fields(plan.spec, fields)
    return (
        replaced(plan.recipe, changes.recipe, where="recipe") == plan.recipe
        and dataclasses.replace(plan.execution, **changes.execution) == plan.execution
        and dataclasses.replace(plan.preprocessing, **chosen) == plan.preprocessing
        and spec == plan.spec
    )


def nested(settings: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Settings whose names may have dots, `{"preprocessing.size": 64}`, as tables in tables."""
    values: dict[str, Any] = {}
    for name, value in settings.items():
        *tables, key = name.split(".")
        into = values
        for place in tables:
            into = into.setdefault(place, {})
            if not isinstance(into, dict):
                raise InputError(f"{where}: {place} is set to {into!r}, and {name} is set too; keep one of the two")
        before = into.get(key)
        into[key] = {**(before or {}), **value} if isinstance(value, Mapping) else value
    return values


def parse_settings(settings: list[str], option: str = "--set", *, example: str = "lr=0.1") -> dict[str, Any]:
    """Nested values from `lr=0.1`, `preprocessing.fit=squash` and the like, as TOML has them but for bare strings."""
    values: dict[str, Any] = {}
    for one in settings:
        name, equals, text = one.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{option} {one}: must be NAME=VALUE, such as {option} {example}")
        *tables, key = name.strip().split(".")
        into = values
        for table in tables:
            into = into.setdefault(table, {})
            if not isinstance(into, dict):
                raise InputError(f"{option} {one}: {table} is also set to {into!r}; keep one of the two")
        into[key] = _value(text.strip())
    return values


def _value(text: str) -> Any:
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return values["value"] if len(values) == 1 else text


def write(plan: Plan, *, comment: str) -> str:
    """The plan as TOML, opening with `comment`; each setting of the recipe with what it is."""
    document = tomlkit.document()
    for line in comment.splitlines():
        document.add(tomlkit.comment(line))
    values = plan.as_dict()
    document["network"] = values["network"]
    document["recipe"] = _commented(values["recipe"], documented())
    whats = {field.name: field.metadata["what"] for field in dataclasses.fields(Execution)}
    document["execution"] = _commented(values["execution"], whats)
    for name in ("preprocessing", "spec"):
        document[name] = values[name]
    return tomlkit.dumps(document)


def _commented(values: Mapping[str, Any], whats: Mapping[str, str]) -> Any:
    table = tomlkit.table()
    for name, what in whats.items():
        table.add(name, tomlkit.item(values[name]).comment(what))
    return table
