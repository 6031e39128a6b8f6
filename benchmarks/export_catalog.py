"""Every network of the catalog exported to ONNX: outputs of a small batch within 1e-4 of the network's own.

    .venv/bin/python -m benchmarks.export_catalog [PATTERN]

Untrained weights, with batch-norm statistics of some pictures so that folding the norms matters; images of 64 pixels
(CIFAR networks: 32), batches of 1 and 3 from one file, read by ONNX Runtime after onnx.checker. Prints a line a network
and exits non-zero when one differs or fails. The outputs are logits, scaled to a largest value of about 1: networks of
random weights give any magnitude. The last norm of each block is small, as training leaves it: with blocks as strong
as their shortcuts, random weights amplify rounding so much that a ResNet-152's own float32 outputs are 5e-4 from its
float64 ones, and as far from its own in another memory format, which says nothing of an export.

Measured on 2 cores of a shared machine, torch 2.13, onnxruntime 1.32: all 45 networks, at most 1.3e-5 (resnet34_c; the
others at most 5.6e-6), 4 to 30 s each and 129 s for cifar_resnet1202.
"""

import sys
import time
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from resnets import catalog, resnet
from resnets.classifier.file import Classifier
from resnets.data.preprocessing import Preprocessing
from resnets.export import onnx, program, runtimes

CLASSES = tuple("abcde")
LIMIT = 1e-4


def drawn(name: str, **fields: Any) -> Classifier:
    """The network with weights and statistics from a seed, its last layer scaled to outputs of a size of 1.

    fields: of its spec, where they are to be others.
    """
    torch.manual_seed(0)
    network = resnet(name, num_classes=len(CLASSES), **fields)
    size = 32 if name.startswith("cifar") else 64
    for norm in (one for one in network.modules() if isinstance(one, nn.BatchNorm2d)):
        norm.momentum = None
        nn.init.uniform_(norm.weight, 0.2, 0.6)
        nn.init.normal_(norm.bias, 0, 0.1)
    for block in network.blocks():
        if not network.spec.preactivation:
            nn.init.uniform_(block.last_scale, 0.02, 0.1)
    classifier = Classifier(
        network=network, classes=CLASSES, preprocessing=Preprocessing(size=size, resize=size), temperature=1.3
    )
    images = classifier.preprocessing.normalize(torch.from_numpy(pixels(16, size)))
    with torch.no_grad():
        network.train()(images)  # statistics of what it sees
        largest = network.eval()(images).abs().max()
        network.fc.weight.div_(largest)
        network.fc.bias.div_(largest)
    return classifier


def pixels(count: int, size: int) -> np.ndarray:
    """Random pictures of patches with noise over them: pure noise is the same picture to a network every time."""
    random = np.random.default_rng(count)
    patches = random.integers(0, 192, (count, 4, 4, 3)).repeat(size // 4, axis=1).repeat(size // 4, axis=2)
    return (patches + random.integers(0, 64, (count, size, size, 3))).astype(np.uint8)


def answering(classifier: Classifier, to: Literal["onnx", "torch"]) -> Callable[[np.ndarray], np.ndarray]:
    """What gives the probabilities of pixels: the classifier as a file of one kind, opened again."""
    if to == "torch":
        opened = runtimes.torch_runtime(program.save(program.trace(classifier), "{}"))
    else:
        opened = runtimes.onnx_runtime(onnx.export(classifier), threads=1)
    return lambda images: opened.run(images)[0]


def difference(classifier: Classifier, to: Literal["onnx", "torch"] = "onnx") -> float:
    """The largest between the outputs of the exported file and the network's."""
    probabilities = answering(classifier, to)
    size, found = classifier.preprocessing.size, 0.0
    for count in (1, 3):
        images = pixels(count, size)
        logits = classifier.outputs(images)
        # Probabilities give the outputs but for one constant an image.
        theirs = classifier.temperature * np.log(probabilities(images))
        theirs += (logits - theirs).mean(axis=1, keepdims=True)
        found = max(found, float(np.abs(logits - theirs).max()))
    return found


def main() -> None:
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    failed: list[str] = []
    for name in (name for name in catalog.CATALOG if fnmatch(name, pattern)):
        begun = time.monotonic()
        try:
            found = difference(drawn(name))
        except Exception as error:  # whatever it is, the others are tried too
            print(f"{name:<24} FAILED: {type(error).__name__}: {error}", flush=True)
            failed.append(name)
            continue
        print(f"{name:<24} {found:.1e}  {time.monotonic() - begun:5.0f} s", flush=True)
        if not found <= LIMIT:
            failed.append(name)
    if failed:
        sys.exit(f"not within {LIMIT}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
