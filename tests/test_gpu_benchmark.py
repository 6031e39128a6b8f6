"""What benchmarks/gpu.py checks holds of a CPU, too, as far as a CPU goes."""

import pytest

from benchmarks import gpu


def test_the_checks_hold_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if gpu.DEVICE.type != "cpu":
        pytest.skip("is about machines without a GPU")
    few = {"SGD": {}, "mixing and accumulation": {"mixup": 1.0, "drop_path": 0.2, "accumulate": 2}}
    quick = {"STEPS": 2, "IMAGES": 4, "PHOTOGRAPHS": 1, "EVALUATED": "cifar_resnet20", "RECIPES": few}
    for name, value in quick.items():
        monkeypatch.setattr(gpu, name, value)
    gpu.main([])
    said = capsys.readouterr().out
    assert "losses apart by 0.0e+00: holds" in said
    assert said.count("no graph (no GPU)") == len(few)
    assert "resumed in mid-epoch: weights apart by 0.0e+00" in said
    assert "images cropped and mirrored on cpu are the CPU's: holds" in said
    assert "NOT" not in said
    assert said.count("not measured, for want of a GPU") == 4
