"""A recipe with a name: where it comes from, what it scored, and what it sets.

What it does not set is chosen from the data (default_plan.py), as without a recipe. A score says whether it was
published, and for what, or measured with this package.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from resnets.training.recipes.plan import Changes
from resnets.training.recipes.recipe import Recipe, documented


@dataclass(frozen=True, kw_only=True)
class NamedRecipe:
    """A row: what it is for, who described it, what it scored, and its settings."""

    name: str
    summary: str
    source: str
    scores: tuple[str, ...]  # each says whether it was published or measured
    recipe: Mapping[str, Any]
    network: str | None = None  # to train if none is named, where the scores are one network's
    preprocessing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    spec: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()  # where it departs from its source

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON values."""
        return dataclasses.asdict(self)

    @property
    def changes(self) -> Changes:
        """What it asks for, as a recipe file does."""
        return Changes(
            recipe=self.recipe, preprocessing=self.preprocessing, spec=self.spec, network=self.network
        ).of(self.name)  # fmt: skip


def to_toml(row: NamedRecipe) -> str:
    """A named recipe as a file: what it sets, and what it leaves to be chosen, as comments to take away."""
    document = tomlkit.document()
    for line in (f"{row.name}: {row.summary}", f"From {row.source}.", *row.scores, *row.notes):
        document.add(tomlkit.comment(line))
    document.add(tomlkit.comment("A setting behind # is as it would be by default, or chosen from the data."))
    recipe = tomlkit.table()
    values = {**dataclasses.asdict(Recipe()), **row.recipe}
    for name, what in documented().items():
        item = tomlkit.item(values[name]).comment(what)
        if name in row.recipe:
            recipe.add(name, item)
        else:
            recipe.add(tomlkit.comment(f"{name} = {item.as_string()}  # {what}"))
    if row.network:
        document["network"] = row.network
    document["recipe"] = recipe
    for table in ("preprocessing", "spec"):
        if values := getattr(row, table):
            document[table] = dict(values)
    return tomlkit.dumps(document)
