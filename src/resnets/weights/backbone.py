"""A network to build upon: named, with the weights that others trained if asked for."""

import logging
from pathlib import Path
from typing import Any

from resnets import catalog
from resnets.base.errors import InputError
from resnets.network import ResNet
from resnets.spec import ResNetSpec
from resnets.weights import checkpoint, hub
from resnets.weights.published import weights_of

log = logging.getLogger(__name__)


def resnet(network: str | Path | ResNetSpec, /, *, pretrained: bool | str | Path = False, **fields: Any) -> ResNet:
    """A residual network, freshly initialized or with weights that others trained.

    network: a name from the catalog, the path of a TOML spec, or a ResNetSpec.
    pretrained: True for the first weights that `resnets list --weights NETWORK` prints; or whose: a name of that list,
    a file, a Hub repository or a URL. What is done to make them fit is logged.
    fields: any fields of the spec to replace, such as `num_classes=10` or `in_channels=1`. Beside weights, classes and
    channels that are not given are the weights' own; others get a new classifier and an adapted first kernel;
    `num_classes=0` leaves the classifier out.
    Raises InputError (a ValueError) when there is no such network, the spec cannot work, or the weights do not fit.
    """
    row = catalog.resolve(network, fields)
    if pretrained is False:
        return ResNet(row.spec)
    name = weights_of(row.name) if pretrained is True else pretrained
    if name is None:
        raise InputError(
            f"{row.name}: nobody's weights are known for it (`resnets list --weights`); name a file, a Hub repository "
            "or a URL instead of True"
        )
    fetched = hub.fetch(name)
    found = checkpoint.load_fetched(fetched).of(row.spec)
    theirs = {"num_classes": found.num_classes, "in_channels": found.in_channels}
    made = ResNet(catalog.resolve(network, {**{key: its for key, its in theirs.items() if its}, **fields}).spec)
    for note in (*fetched.notes, *found.into(made)):
        log.info("%s", note)
    return made
