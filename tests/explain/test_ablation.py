"""Each block's part in the accuracy, the diagram that shows it, and the norms by which plain networks fade."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import resnets
from resnets.base.errors import InputError
from resnets.classifier.file import Classifier
from resnets.cli import main
from resnets.explain.ablation import ablated
from resnets.explain.block_norms import block_norms
from tests import kinds

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of noise, four a class."""
    folder, random = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    for label in kinds.CLASSES:
        (folder / label).mkdir()
        for number in range(4):
            pixels = random.integers(0, 256, (kinds.SIZE, kinds.SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def right(made: Classifier, data: Path) -> int:
    return made.evaluate(data).top1.correct


@pytest.mark.parametrize(
    "kind", ["silu", "pre-activation", "squeeze-and-excitation", "group norm", "dilation", "average"]
)
def test_a_block_without_its_residual_is_a_block_whose_residual_is_zero(kind: str, photographs: Path) -> None:
    """Held against the network with hooks that zero the end of each residual branch in turn."""
    made = kinds.classifier(kind)
    with torch.no_grad():
        made.network.fc.weight.mul_(30)  # so that answers differ
    found = resnets.ablate(made, photographs, batch_size=5)
    assert (found.count, found.right) == (12, right(made, photographs))

    def zero(_module: Any, _inputs: Any, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    for block, module in zip(found.blocks, made.network.blocks(), strict=True):
        hook = module.se.register_forward_hook(zero)
        assert block.right == right(made, photographs)
        hook.remove()
    assert [block.name for block in found.blocks][:2] == ["layer1.0", "layer2.0"]
    assert not any("residual" in vars(block) for block in made.network.blocks())


def test_blocks_that_run_at_once_do_not_lose_their_residuals_to_one_another(photographs: Path) -> None:
    """Once the block that was being replaced was replaced for all threads that ran it meanwhile."""
    made = kinds.classifier("silu", depths=[6, 6])
    with torch.no_grad():
        made.network.fc.weight.mul_(30)
    source = resnets.open_source(photographs)
    many = source.subset(np.arange(240) % len(source))
    at_once = ablated(made, many, batch_size=40)
    alone = ablated(made, source, batch_size=1)
    np.testing.assert_array_equal(at_once.answers, alone.answers[np.arange(240) % len(source)])


def test_a_plain_network_has_no_shortcuts_to_be_replaced_by(photographs: Path) -> None:
    with pytest.raises(InputError, match='shortcut = "none": a plain network has no shortcuts'):
        resnets.ablate(kinds.classifier("plain"), photographs)


def test_published_networks_keep_their_accuracy_and_each_block_costs_some(shared_data: Path, tmp_path: Path) -> None:
    """On 200 of the images; all 10,000 are in docs/explaining.md."""
    data = resnets.open_source(shared_data / "cifar10-test.zip").evenly(200, seed=0)
    (tmp_path / "names.txt").write_text("\n".join(data.classes))
    weights = shared_data / "resnet20-12fca82f.th"
    made, _ = resnets.convert(weights, "cifar_resnet20", classes=tmp_path / "names.txt")
    found = resnets.ablate(made, data)
    assert found.right == made.evaluate(data).top1.correct
    changes = {block.name: found.change(block) for block in found.blocks}
    assert len(changes) == 9
    assert all(change < 0 for change in changes.values())
    assert {block.name for block in found.blocks if block.shortcut == "pad"} == {"layer2.0", "layer3.0"}
    assert max(changes, key=lambda name: -changes[name]) in ("layer2.0", "layer3.0")  # what changes the shape


def test_the_command_prints_a_table_or_a_document_and_draws_a_bar_for_each_block(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = kinds.classifier("silu").save(tmp_path / "small.safetensors")
    main(["ablate", str(file), str(photographs)])
    assert "layer2.1       identity" in capsys.readouterr().out
    main(["ablate", str(file), str(photographs), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"network", "on", "count", "top1", "blocks"}
    assert set(document["blocks"][0]) == {"name", "shortcut", "top1", "change"}
    for block in document["blocks"]:
        assert block["change"] == pytest.approx(block["top1"]["value"] - document["top1"]["value"])
    main(["ablate", str(file), str(photographs), "-o", str(tmp_path / "small.svg")])
    root = ET.parse(tmp_path / "small.svg").getroot()
    bars = [one for one in root.iter(f"{SVG}g") if "contribution" in one.get("class", "").split()]
    assert [bar.get("data-block") for bar in bars] == ["layer1.0", "layer2.0", "layer2.1"]
    figures = [one.text or "" for one in root.iter(f"{SVG}text")]
    assert sum(text[:1] in ("+", "−") and text[1:2].isdigit() for text in figures) == 3
    assert not any(block.get("title") for block in bars)
    with pytest.raises(SystemExit, match="2"):
        main(["ablate", str(file), str(photographs), "-o", str(tmp_path / "small.html")])


# Why there are shortcuts.


def test_gradients_explode_on_their_way_back_through_plain_layers_and_not_along_shortcuts() -> None:
    """Batch norm keeps the activations alike, and makes gradients grow backwards (Yang et al. 2019)."""
    images, labels = torch.rand(8, 3, 16, 16), torch.arange(8) % 3
    grown: dict[str, float] = {}
    for kind in ("plain", "residual"):
        network = kinds.network("plain", depths=[24, 1], shortcut="none" if kind == "plain" else "projection")
        before = {name: value.clone() for name, value in network.state_dict().items()}
        norms = block_norms(network, images, labels)
        assert norms[0].name == "layer1.0"
        grown[kind] = norms[0].gradient / norms[23].gradient
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert all(parameter.grad is None for parameter in network.parameters())
        assert not any(block._forward_hooks for block in network.blocks())
    assert grown["plain"] > 100
    assert grown["residual"] < 20


def test_block_norms_are_those_of_the_outputs_and_their_gradients() -> None:
    network, images, labels = (
        kinds.network("pre-activation").train(),
        torch.rand(4, 3, 16, 16),
        torch.tensor([0, 1, 2, 0]),
    )
    x = network.stem(images)
    outputs: list[Tensor] = []
    for block in network.blocks():
        x = block(x)
        outputs.append(x)
        x.retain_grad()
    logits = network.classify(torch.flatten(network.pool(network.act(network.norm(x.clone()))), 1))
    torch.nn.functional.cross_entropy(logits, labels, reduction="sum").backward()
    for norms, output in zip(block_norms(network, images, labels), outputs, strict=True):
        assert output.grad is not None
        assert norms.activation == pytest.approx(output.square().mean().sqrt().item(), rel=1e-5)  # float32
        assert norms.gradient == pytest.approx(output.grad.flatten(1).norm(dim=1).mean().item(), rel=1e-4)
