"""What a training run does, as one value: network, preprocessing and the settings of training, to and from TOML."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import tomlkit

from resnets import spec as specs
from resnets.data import preprocessing as preprocessings
from resnets.data.loading import Augment, Augmentation
from resnets.data.preprocessing import Preprocessing
from resnets.errors import InputError, nearest
from resnets.spec import ResNetSpec

Schedule = Literal["cosine", "linear", "constant"]


@dataclass(frozen=True, kw_only=True)
class Recipe(Augmentation):
    """The settings of training. Raises InputError naming the setting and the range it must lie in."""

    epochs: int = 30
    batch_size: int = 128
    lr: float = 0.1  # learning rate after warm-up
    warmup: float = 0.1  # part of the run over which the learning rate rises to lr
    schedule: Schedule = "cosine"  # how the learning rate falls to zero afterwards
    momentum: float = 0.9  # Nesterov's
    weight_decay: float = 5e-4
    decay_norms_and_biases: bool = False
    label_smoothing: float = 0.1  # part of each label spread over all classes
    val_fraction: float = 0.2  # of the training images of each class held out, where the data has no validation split
    seed: int = 0

    def __post_init__(self) -> None:
        _check("epochs", self.epochs, int, 1, float("inf"))
        _check("batch_size", self.batch_size, int, 2, float("inf"))  # a batch norm needs something to average over
        _check("crop_padding", self.crop_padding, int, 0, float("inf"))
        _check("seed", self.seed, int, 0, 2**63 - 1)
        _check("lr", self.lr, float, 0, 1e3)
        for name in ("warmup", "momentum", "weight_decay", "label_smoothing"):
            _check(name, getattr(self, name), float, 0, 1)
        _check("val_fraction", self.val_fraction, float, 0.001, 0.9)
        _check("min_area", self.min_area, float, 1e-3, 1)
        for name in ("decay_norms_and_biases", "flip"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} = {getattr(self, name)!r}: must be true or false")
        for name, choices in (("schedule", get_args(Schedule)), ("augment", get_args(Augment))):
            if getattr(self, name) not in choices:
                raise InputError(f"{name} = {getattr(self, name)!r}: must be one of {', '.join(choices)}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides a run besides its data, and why what was chosen was chosen."""

    spec: ResNetSpec
    preprocessing: Preprocessing
    recipe: Recipe
    network: str = "custom"  # the name under which the spec was found
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON or TOML values, in three tables."""
        return {
            "network": self.network,
            "recipe": dataclasses.asdict(self.recipe),
            "preprocessing": preprocessings.to_dict(self.preprocessing),
            "spec": specs.to_dict(self.spec),
        }


def plan_from_dict(values: Mapping[str, Any], *, where: str) -> Plan:
    """The plan that `Plan.as_dict` wrote."""
    return Plan(
        spec=specs.from_dict(values["spec"], where=where),
        preprocessing=preprocessings.from_dict(values["preprocessing"], where=where),
        recipe=replaced(Recipe(), values["recipe"], where=where),
        network=values["network"],
    )


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What the user wants otherwise than the defaults: fields of the three parts of a plan."""

    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    preprocessing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    spec: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    network: str | None = None

    def __or__(self, other: "Changes") -> "Changes":
        """Both, where `other` has the last word."""
        return Changes(
            recipe={**self.recipe, **other.recipe},
            preprocessing={**self.preprocessing, **other.preprocessing},
            spec={**({} if other.network else self.spec), **other.spec},  # another network's fields are its own
            network=other.network or self.network,
        )

    def __bool__(self) -> bool:
        return bool(self.recipe or self.preprocessing or self.spec or self.network)


def replaced(recipe: Recipe, values: Mapping[str, Any], *, where: str) -> Recipe:
    """`recipe` with some settings replaced. A whole number is taken where a fraction is asked for."""
    known = {field.name: field.type for field in dataclasses.fields(Recipe)}
    for name in values:
        if name not in known:
            raise InputError(f"{where}: unknown setting {name!r}; {nearest(name, known)}")
    numbers = {
        name: float(value) if known[name] is float and type(value) is int and abs(value) < 2**53 else value
        for name, value in values.items()
    }
    try:
        return dataclasses.replace(recipe, **numbers)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def read(path: str | Path) -> Changes:
    """The changes a recipe file asks for: tables [recipe], [preprocessing] and [spec], each optional, and `network`."""
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a recipe is a TOML file such as the recipe.toml of a run") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    return changes(values, where=str(path))


def changes(values: Mapping[str, Any], *, where: str) -> Changes:
    """Changes from nested tables; a setting of [recipe] may also stand outside it."""
    tables: Mapping[str, type] = {"recipe": Recipe, "preprocessing": Preprocessing, "spec": ResNetSpec}
    settings = {field.name for field in dataclasses.fields(Recipe)}
    for name, value in values.items():
        if name in tables:
            if not isinstance(value, Mapping):
                raise InputError(f"{where}: {name} must be a table, [{name}]")
            known = [field.name for field in dataclasses.fields(tables[name])]
            for key in value:
                if key not in known:
                    raise InputError(f"{where}, {name}: unknown setting {key!r}; {nearest(key, known)}")
        elif name == "network":
            if not isinstance(value, str):
                raise InputError(f"{where}: network = {value!r}: must be a name that `resnets list` prints, in quotes")
        elif name not in settings:
            raise InputError(f"{where}: unknown setting {name!r}; {nearest(name, {*settings, *tables, 'network'})}")
    loose = {name: value for name, value in values.items() if name in settings}
    recipe = {**loose, **values.get("recipe", {})}
    replaced(Recipe(), recipe, where=where)  # so that a wrong value is named with its file
    return Changes(
        recipe=recipe,
        preprocessing=values.get("preprocessing", {}),
        spec=values.get("spec", {}),
        network=values.get("network"),
    )


def agrees(plan: Plan, changes: Changes) -> bool:
    """Whether `changes` ask for nothing that `plan` is not already; its number of classes is the data's."""
    fields = {name: value for name, value in changes.spec.items() if name != "num_classes"}
    chosen = {name: tuple(v) if isinstance(v, list) else v for name, v in changes.preprocessing.items()}
    return (
        replaced(plan.recipe, changes.recipe, where="recipe") == plan.recipe
        and dataclasses.replace(plan.preprocessing, **chosen) == plan.preprocessing
        and specs.with_fields(plan.spec, fields) == plan.spec
    )


def parse_settings(settings: list[str], option: str = "--set", *, example: str = "lr=0.1") -> dict[str, Any]:
    """Nested values from `lr=0.1`, `preprocessing.fit=squash` and the like, as TOML has them but for bare strings."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{option} {setting}: must be NAME=VALUE, such as {option} {example}")
        *tables, key = name.strip().split(".")
        into = values
        for table in tables:
            into = into.setdefault(table, {})
            if not isinstance(into, dict):
                raise InputError(f"{option} {setting}: {table} is also set to {into!r}; keep one of the two")
        into[key] = _value(text.strip())
    return values


def write(plan: Plan, *, comment: str) -> str:
    """The plan as TOML, opening with `comment`."""
    document = tomlkit.document()
    for line in comment.splitlines():
        document.add(tomlkit.comment(line))
    for name, value in plan.as_dict().items():
        document[name] = value
    return tomlkit.dumps(document)


def _value(text: str) -> Any:
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return values["value"] if len(values) == 1 else text


def _check(name: str, value: object, kind: type, low: float, high: float) -> None:
    wanted = "a whole number" if kind is int else "a number"
    allowed = (int,) if kind is int else (int, float)
    if not isinstance(value, allowed) or isinstance(value, bool) or not low <= value <= high:
        limits = f"from {low:g} to {high:g}" if high != float("inf") else f"of at least {low:g}"
        raise InputError(f"{name} = {value!r}: must be {wanted} {limits}")
