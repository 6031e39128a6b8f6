"""A network as one picture: volumes, trunk and shortcuts of every stage, and its first block in detail."""

from resnets.view.diagram.drawing import diagram

__all__ = ["diagram"]
