"""The weights that a network starts with."""

from torch import nn

from resnets.spec import ResNetSpec


def draw(network: nn.Module, spec: ResNetSpec) -> None:
    """Draw the weights of `network`, a ResNet or a part of one, from torch's global generator.

    Weights on the device "meta" have no numbers. Drawing them would take longer than drawing some that have.
    """
    xresnet = spec.init == "xresnet"
    for module in network.modules():
        if any(parameter.is_meta for parameter in module.parameters(recurse=False)):
            continue
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in" if xresnet else "fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            if xresnet:
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            else:
                module.reset_parameters()
        elif isinstance(module, nn.Conv1d):
            module.reset_parameters()
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
