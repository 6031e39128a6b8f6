"""A network to build upon: named, with the weights that others trained if asked for."""

import logging
from pathlib import Path
from typing import Any

from resnets import catalog
from resnets.network import ResNet
from resnets.spec import ResNetSpec

log = logging.getLogger(__name__)


def resnet(network: str | Path | ResNetSpec, /, **fields: Any) -> ResNet:
    """A residual network, freshly initialized.

    network: a name from the catalog, the path of a TOML spec, or a ResNetSpec.
    fields: any fields of the spec to replace, such as `num_classes=10` or `in_channels=1`.
    Raises InputError (a ValueError) when there is no such network or the spec cannot work.
    """
    return ResNet(catalog.resolve(network, fields).spec)
