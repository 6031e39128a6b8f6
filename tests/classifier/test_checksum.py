"""A classifier's file knows when it is no longer what was written."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

import resnets
from resnets.base.errors import InputError
from resnets.base.seal import seal_of
from tests.classifier.test_file import untrained


def test_a_flipped_byte_anywhere_in_a_classifier_is_refused(tmp_path: Path) -> None:
    path = untrained().save(tmp_path / "c.safetensors")
    whole = path.read_bytes()
    assert seal_of(path) == "whole"
    for place in (3, 20, 500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            resnets.load(path)


def test_a_classifier_without_a_checksum_opens_as_ever(tmp_path: Path) -> None:
    new = untrained()
    tensors = {name: value.contiguous() for name, value in new.network.state_dict().items()}
    content = safetensors.torch.save(tensors, {"resnets": json.dumps(new.header())})
    (tmp_path / "old.safetensors").write_bytes(content)
    assert seal_of(tmp_path / "old.safetensors") == "none"
    old = resnets.load(tmp_path / "old.safetensors")
    assert all(torch.equal(value, tensors[name]) for name, value in old.network.state_dict().items())


def test_the_same_classifier_is_the_same_bytes(tmp_path: Path) -> None:
    one = untrained()
    assert one.save(tmp_path / "a").read_bytes() == one.save(tmp_path / "b").read_bytes()
