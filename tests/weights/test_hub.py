"""Weights by name, against a server on the loopback that speaks the Hub's protocol. No other host is ever asked."""

import copy
import dataclasses
import errno
import hashlib
import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from PIL import Image

import resnets
from resnets.base.errors import InputError, RunFailed
from resnets.base.progress import Progress
from resnets.cli import main
from resnets.weights import download, hub
from resnets.weights.published import PRETRAINED, TORCHVISION_HOST
from tests import pictures
from tests.hub_server import COMMIT, Hub
from tests.peers import create_transform, resolve_data_config, timm

NAME = "timm/resnet18.a1_in1k"
LABELS = [f"class {letter}" for letter in "abcdefghij"]


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, server: Hub) -> str:
    """An address at which nobody answers, in the place of the server's."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("RESNETS_TORCHVISION_MIRROR", address)
    return address


@pytest.fixture(scope="module")
def network() -> Any:
    """timm's own resnet18 for ten classes, with random weights and statistics."""
    torch.manual_seed(0)
    network = timm.create_model("resnet18.a1_in1k", pretrained=False, num_classes=10).eval()
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if value.ndim == 1 else value.normal_(std=0.05)
    return network


@pytest.fixture(scope="module")
def repository(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that timm pushes to the Hub."""
    folder = tmp_path_factory.mktemp("repository")
    timm.models.save_for_hf(network, str(folder), model_config={"label_names": LABELS}, safe_serialization=True)
    return folder


def timms(image: Image.Image, configuration: dict[str, Any]) -> torch.Tensor:
    """timm's preprocessing of an image."""
    transform: Any = create_transform(**configuration)
    return torch.as_tensor(transform(image))


def configured(
    server: Hub, change: Callable[[dict[str, Any]], object] = lambda _: None, weights: bytes = b"none"
) -> None:
    """A repository whose config.json is a real one, changed."""
    config = {
        "architecture": "resnet18", "num_classes": 2, "global_pool": "avg", "model_args": {},
        "pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.95, "crop_mode": "center",
                           "interpolation": "bicubic", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]},
    }  # fmt: skip
    change(config)
    server.repositories["me/net"] = {"config.json": json.dumps(config).encode(), "model.safetensors": weights}


def refused(name: str, kind: type[Exception] = InputError) -> str:
    """The line that fetching ends with."""
    with pytest.raises(kind) as caught:
        hub.fetch(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


# The Hub


def test_a_repository_gives_timms_logits_preprocessing_and_classes(server: Hub, repository: Path, network: Any) -> None:
    server.serve(NAME, repository)
    classifier, _ = resnets.convert(NAME)
    assert classifier.classes == tuple(LABELS)
    image = Image.fromarray(pictures.picture(0, 3, (300, 260)))
    ours = classifier.preprocessing.normalize(torch.from_numpy(classifier.preprocessing.pixels(image))[None])
    assert torch.equal(ours[0], timms(image, resolve_data_config(pretrained_cfg=network.pretrained_cfg)))
    theirs = copy.deepcopy(network).to(memory_format=torch.channels_last)  # as ours is: another order sums otherwise
    with torch.no_grad():
        assert torch.equal(classifier.network(ours), theirs(ours))


def test_convert_writes_a_classifier_of_a_name_alone(
    server: Hub, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.serve(NAME, repository)
    out = tmp_path / "c.safetensors"
    main(["convert", NAME, "-o", str(out), "--preprocessing", "size=112"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{NAME}@{COMMIT[:12]}: in {tmp_path / 'hf'}")
    assert lines[1] == "published top-1 71.50% (Wightman et al. 2021, A1)"
    classifier = resnets.load(out)
    assert (classifier.preprocessing.size, classifier.preprocessing.resize) == (112, 117)  # in timm's proportion
    assert classifier.preprocessing.interpolation == "bicubic"
    assert classifier.origin["data"] == {
        "checkpoint": "model.safetensors", "weights": f"{NAME}@{COMMIT[:12]}", "network": "resnet18",
    }  # fmt: skip


@pytest.mark.parametrize("recipe", ["linear-probe", "finetune"])
def test_a_run_starts_from_a_name_alone_and_its_classifier_says_where_it_came_from(
    recipe: str, server: Hub, repository: Path, tmp_path: Path
) -> None:
    server.serve(NAME, repository)
    photos = pictures.folder(tmp_path / "photos")
    settings = {"preprocessing": {"size": 32, "resize": 32}, "epochs": int(recipe == "finetune")}
    classifier = resnets.train(
        photos, weights=NAME, recipe=recipe, out=tmp_path / "run", settings=settings, plan="usual"
    )
    assert classifier.origin["network"] == "resnet18"
    found = hub.fetch(NAME)
    assert (classifier.origin["weights"], classifier.origin["licence"]) == (found.origin, "apache-2.0")
    assert found.origin == f"{NAME}@{COMMIT[:12]}"
    assert found.preprocessing
    assert classifier.preprocessing.interpolation == found.preprocessing["interpolation"] == "bicubic"


def test_a_row_of_the_hub_says_what_is_published_and_where_it_came_from(server: Hub, repository: Path) -> None:
    server.serve(NAME, repository)
    found = hub.fetch(NAME)
    assert (found.network, found.classes, found.published) == ("resnet18", tuple(LABELS), PRETRAINED[NAME].published)
    assert found.origin == f"{NAME}@{COMMIT[:12]}"
    assert found.preprocessing == {**PRETRAINED[NAME].preprocessing, "channels": 3}
    assert "published top-1 71.50% (Wightman et al. 2021, A1)" in found.notes
    assert hub.cached(PRETRAINED[NAME]) == found.path
    assert hub.cached(PRETRAINED["timm/resnet18.a2_in1k"]) is None


@pytest.mark.parametrize("name", ["me/net", "hf-hub:me/net", "me/net@main", f"hf-hub:me/net@{COMMIT}"])
def test_any_repository_is_named_as_timm_names_it(name: str, server: Hub) -> None:
    configured(server)
    found = hub.fetch(name)
    assert found.path.read_bytes() == b"none"
    assert (found.origin, found.published) == (f"me/net@{COMMIT[:12]}", None)


def test_what_is_cached_is_used_when_the_hub_is_gone(
    server: Hub, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(NAME, repository)
    first = hub.fetch(NAME)
    assert hub.fetch(NAME) == first
    assert len(server.bodies("model.safetensors")) == 1
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert hub.fetch(NAME) == first


@pytest.mark.parametrize("variable", ["RESNETS_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked_and_only_the_cache_is_used(
    variable: str, server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(server)
    first = hub.fetch("me/net")
    asked = list(server.asked)
    monkeypatch.setenv(variable, "1")
    assert hub.fetch("me/net") == first
    for name in (NAME, "torchvision/resnet18.v1"):
        assert all(word in refused(name) for word in ("not in the cache", variable, "a local file"))
    assert server.asked == asked


def test_without_network_one_line_says_what_could_not_be_reached_and_what_would_work(nowhere: str) -> None:
    message = refused(NAME)
    assert message.startswith(f"{NAME}: not in the cache ({hub.cache()}) at main, and {nowhere} cannot be reached")
    assert message.endswith("connect to the network, set HF_ENDPOINT to a mirror, or give a local file")
    message = refused("torchvision/resnet50.v2")
    assert message.startswith(f"{nowhere}/resnet50-11ad3fa6.pth: cannot be reached (")
    assert f"copy the file into {download.checkpoints()}, or give a local file" in message


def test_convert_without_network_ends_with_one_line(nowhere: str, capfd: pytest.CaptureFixture[str]) -> None:
    for name in (NAME, "torchvision/resnet50.v2"):
        with pytest.raises(SystemExit) as ended:
            main(["convert", name, "-o", "unused.safetensors"])
        out, err = capfd.readouterr()
        assert (ended.value.code, out, err.count("\n")) == (2, "", 1)


def test_a_hub_download_that_breaks_off_goes_on_and_says_nothing_of_its_own(
    server: Hub, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = os.urandom(12_000_000)
    configured(server, weights=weights)
    server.breaks = {"model.safetensors": [11_000_000]}
    seen: list[Progress] = []
    assert hub.fetch("me/net", watch=seen.append).path.read_bytes() == weights
    assert "bytes=" in server.bodies("model.safetensors")[-1]
    assert {(moment.task, moment.total) for moment in seen if moment.total} >= {("downloading me/net (MB)", 12)}
    assert seen[-1].done == 12
    assert capfd.readouterr() == ("", "")


def test_weights_as_a_pickle_serve_where_there_is_no_safetensors(server: Hub) -> None:
    configured(server)
    config = server.repositories["me/net"]["config.json"]
    server.repositories["me/net"] = {"config.json": config, "pytorch_model.bin": b"pickle"}
    assert hub.fetch("me/net").path.name == "pytorch_model.bin"
    server.repositories["me/other"] = {"config.json": config}
    assert "has neither model.safetensors nor pytorch_model.bin" in refused("me/other")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("me/missing", ("me/missing: is not there, or not for everyone", "(401)", "check the name")),
        ("me/empty", ("has no config.json at main", "timm's layout")),
        ("me/net@v9", ("at v9", "(404)")),
        ("resnet50", ("no such file", "did you mean", "resnet50.")),
        ("a" * 300, ("no such file", "`resnets.list_networks(..., weights=True)`")),
        ("hf-hub:nothing", ("hf-hub:nothing: no such file",)),
        ("timm/resnet50.a9_in1k", ("(401)", "did you mean timm/resnet50.")),
        ("torchvision/resnet50.v3", ("no published weights are called so", "did you mean torchvision/resnet50.v")),
        ("me/two--dashes", ("me/two--dashes: ", "two--dashes")),
    ],
)
def test_what_the_hub_does_not_have_is_refused_in_one_line(name: str, words: tuple[str, ...], server: Hub) -> None:
    configured(server)
    server.repositories["me/empty"] = {"README.md": b""}
    message = refused(name)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda c: c.update(architecture="resnetv2_50d"),
            ("architecture 'resnetv2_50d' is no network of the catalog", "the nearest are resnet50d"),
        ),
        (lambda c: c.update(architecture="vit_base"), ("'vit_base'", "`resnets.list_networks`")),
        (lambda c: c.pop("architecture"), ("architecture None",)),
        (lambda c: c.update(model_args={"act_layer": "selu"}), ("act_layer = 'selu'", "cannot be loaded")),
        (lambda c: c.update(model_args={"stem_width": 24}), ("stem_width = 24", "cannot be loaded")),
        (lambda c: c.update(global_pool="avgmax"), ("global_pool = 'avgmax'", "cannot be loaded")),
        (lambda c: c["pretrained_cfg"].update(input_size=[3, 224, 160]), ("224 x 160", "square")),
        (lambda c: c["pretrained_cfg"].update(interpolation="lanczos"), ("interpolation = 'lanczos'",)),
        (lambda c: c["pretrained_cfg"].update(mean="grey"), ("preprocessing cannot be ours",)),
        (lambda c: c.update(pretrained_cfg=[1]), ("pretrained_cfg is a list",)),
    ],
)
def test_a_repository_that_is_none_of_ours_is_refused_before_its_weights_come(
    change: Callable[[dict[str, Any]], object], words: tuple[str, ...], server: Hub
) -> None:
    configured(server, change)
    message = refused("me/net")
    assert message.startswith("me/net: ")
    assert all(word in message for word in words), message
    assert not server.bodies("model.safetensors")


def test_a_damaged_config_is_refused(server: Hub) -> None:
    server.repositories |= {"me/torn": {"config.json": b"{"}, "me/list": {"config.json": b"[]"}}
    assert "config.json cannot be read" in refused("me/torn")
    assert "config.json holds a list" in refused("me/list")


def test_a_server_that_is_no_hub_is_said_to_be_none(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.models["me/net/resolve/main/config.json"] = b"{}"
    monkeypatch.setenv("HF_ENDPOINT", f"{server.address}/models")
    assert "does not answer as the Hub does" in refused("me/net")


@pytest.mark.parametrize("address", ["nonsense", "http://[", "http://127.0.0.1:port"])
def test_an_endpoint_that_is_no_address_is_named(address: str, server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    message = refused(NAME)
    assert f"{address} cannot be reached (" in message
    assert "set HF_ENDPOINT" in message


def test_a_folder_with_a_repository_needs_no_hub(server: Hub, repository: Path, tmp_path: Path) -> None:
    found = hub.fetch(repository)
    assert (found.path, found.origin) == (repository / "model.safetensors", str(repository))
    assert (found.network, found.classes) == ("resnet18", tuple(LABELS))
    assert found.preprocessing == {**PRETRAINED[NAME].preprocessing, "channels": 3}
    (tmp_path / "config.json").write_text("{}")
    assert "neither model.safetensors nor pytorch_model.bin beside it" in refused(str(tmp_path))
    assert not server.asked


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", [224, 160])
def test_every_preprocessing_of_timm_is_carried_over_to_the_bit(mode: str, size: int, server: Hub) -> None:
    changes = {"crop_mode": mode, "input_size": [3, size, size], "test_input_size": [3, 288, 288], "test_crop_pct": 1.0}
    configured(server, lambda config: config["pretrained_cfg"].update(changes))
    config = json.loads(server.repositories["me/net"]["config.json"])["pretrained_cfg"]
    preprocessing = resnets.Preprocessing(**hub.fetch("me/net").preprocessing or {})
    image = Image.fromarray(pictures.picture(1, 5, (311, 207)))
    ours = preprocessing.normalize(torch.from_numpy(preprocessing.pixels(image))[None])
    small = size < 224
    assert torch.equal(ours[0], timms(image, resolve_data_config(pretrained_cfg=config, use_test_size=small)))


def test_a_grey_networks_weights_convert_with_the_mean_of_the_colours(server: Hub, tmp_path: Path) -> None:
    grey = resnets.resnet("resnet18", in_channels=1, num_classes=2)
    weights = safetensors.torch.save({name: value.contiguous() for name, value in grey.state_dict().items()})
    configured(server, lambda config: config.update(model_args={"in_chans": 1}), weights)
    classifier, _ = resnets.convert("me/net")
    assert classifier.network.spec == grey.spec
    assert classifier.preprocessing.mean == (pytest.approx(0.4),)
    assert classifier.classes == ("0", "1")


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat", "dog"], ("cat", "dog")),
        ({"0": "cat", "1": "dog"}, ("cat", "dog")),
        ({"0": "cat", "7": "dog"}, None),
        (["cat"], None),
        (["cat", "cat"], None),
        (["cat", 3], None),
    ],
)
def test_label_names_are_the_classes_where_there_is_one_for_each_output(
    names: Any, classes: tuple[str, ...] | None, server: Hub
) -> None:
    configured(server, lambda config: config.update(label_names=names))
    assert hub.fetch("me/net").classes == classes


# Files at URLs


def checkpoint(content: bytes, name: str = "resnet18") -> str:
    """The name that torchvision would give a file of this content."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"


def test_torchvisions_weights_convert_by_name_alone(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = resnets.resnet("resnet18")
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    row = PRETRAINED["torchvision/resnet18.v1"]
    ours = dataclasses.replace(row, where=f"{TORCHVISION_HOST}/{checkpoint(content)}")
    monkeypatch.setattr(hub, "PRETRAINED", {row.name: ours})
    server.models[checkpoint(content)] = content
    classifier, notes = resnets.convert(row.name)
    assert torch.equal(classifier.network.fc.weight, trained.fc.weight)
    assert resnets.Preprocessing(**row.preprocessing) == classifier.preprocessing
    assert "published top-1 69.76% (torchvision IMAGENET1K_V1)" in notes
    assert classifier.origin["data"]["weights"] == row.name
    assert classifier.origin["licence"] == "bsd-3-clause"
    assert hub.cached(ours) == tmp_path / "torch" / "hub" / "checkpoints" / checkpoint(content)


def test_torchvisions_weights_are_looked_for_where_torch_puts_them(server: Hub) -> None:
    assert download.checkpoints() == Path(torch.hub.get_dir(), "checkpoints")
    url = f"{server.address}/models/{checkpoint(b'theirs')}"
    server.models[checkpoint(b"theirs")] = b"theirs"
    download.checkpoints().mkdir(parents=True)
    torch.hub.download_url_to_file(url, str(download.checkpoints() / checkpoint(b"theirs")), progress=False)
    asked = len(server.asked)
    assert hub.fetch(url).path.read_bytes() == b"theirs"
    assert len(server.asked) == asked


def test_other_bytes_than_the_name_promises_are_refused_and_not_kept(server: Hub) -> None:
    server.models["resnet18-f37072fd.pth"] = b"not resnet18"
    message = refused("torchvision/resnet18.v1")
    found = hashlib.sha256(b"not resnet18").hexdigest()[:8]
    assert f"sent 12 bytes whose SHA-256 begins with {found}, not f37072fd as its name promises" in message
    assert not list(download.checkpoints().iterdir())


def test_a_damaged_file_in_the_cache_is_fetched_anew(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    content = os.urandom(1000)
    server.models[checkpoint(content)] = content
    url = f"{server.address}/models/{checkpoint(content)}"
    download.checkpoints().mkdir(parents=True)
    (download.checkpoints() / checkpoint(content)).write_bytes(content[:500])
    monkeypatch.setenv("RESNETS_OFFLINE", "1")
    assert "stay offline" in refused(url)
    monkeypatch.delenv("RESNETS_OFFLINE")
    assert hub.fetch(url).path.read_bytes() == content


def test_a_download_that_cannot_be_read_is_named_and_not_kept(server: Hub, repository: Path) -> None:
    server.models["w.pth"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"
    with pytest.raises(InputError, match=r"is a Git LFS pointer.*is not kept in the cache"):
        resnets.convert(f"{server.address}/models/w.pth", "resnet18")
    assert not list(download.checkpoints().iterdir())
    server.serve("someone/broken", repository)
    server.repositories["someone/broken"] = {**server.repositories["someone/broken"], "model.safetensors": b"{}"}
    with pytest.raises(InputError, match=r"is JSON text.*is not kept in the cache"):
        resnets.convert("someone/broken")
    assert not [path for path in hub.cache().rglob("*") if path.is_file() and path.read_bytes() == b"{}"]


def test_a_local_file_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"mine")
    with pytest.raises(InputError, match="is text"):
        resnets.convert(tmp_path / "w.pth", "resnet18")
    assert (tmp_path / "w.pth").read_bytes() == b"mine"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on(ranges: bool, server: Hub) -> None:
    content = os.urandom(5_000_000)
    server.models[checkpoint(content)] = content
    server.breaks, server.ranges = {checkpoint(content): [2_000_000, 1_500_000]}, ranges
    seen: list[Progress] = []
    found = hub.fetch(f"{server.address}/models/{checkpoint(content)}", watch=seen.append)
    assert found.path.read_bytes() == content
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o644
    later = [line.partition(" bytes=")[2] for line in server.bodies(".pth")[1:]]
    assert later == (["2000000-", "3500000-"] if ranges else ["2000000-", "1500000-"])
    assert (seen[-1].task, seen[-1].done, seen[-1].total) == (f"downloading {found.path.name} (MB)", 5, 5)


def test_a_download_that_always_breaks_off_is_given_up(server: Hub) -> None:
    server.models["w.pth"] = bytes(1000)
    server.breaks = {"w.pth": [500, *[0] * 100]}
    message = refused(f"{server.address}/models/w.pth")
    assert "broke off after 500 of 1,000 bytes, again and again (the connection was closed)" in message
    assert not list(download.checkpoints().iterdir())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("models/gone.pth", ("there is no such file (404", "check the address")),
        ("html/w.pth", ("sent a web page, not a file of weights",)),
        ("loop/w.pth", ("redirects without end", "check the address")),
        ("forbidden/w.pth", ("does not give it to everyone (403",)),
        ("stalls/w.pth", ("cannot be reached (timed out)",)),
        ("models/empty.pth", ("sent nothing",)),
    ],
)
def test_what_goes_wrong_on_the_way_is_one_line_and_leaves_nothing(
    path: str, words: tuple[str, ...], server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.models["empty.pth"] = b""
    message = refused(f"{server.address}/{path}")
    assert message.startswith(f"{server.address}/{path}: ")
    assert all(word in message for word in words), message
    assert not list(download.checkpoints().iterdir())


def test_files_of_one_name_from_two_addresses_are_kept_apart(server: Hub) -> None:
    server.models |= {"a/model.pth": b"a", "b/model.pth": b"b"}
    found = [hub.fetch(f"{server.address}/models/{folder}/model.pth").path for folder in "ab"]
    assert [path.read_bytes() for path in found] == [b"a", b"b"]


def test_a_cache_that_cannot_be_written_is_named(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    server.models["w.pth"] = b"w"
    configured(server)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    message = refused(f"{server.address}/models/w.pth", RunFailed)
    assert all(word in message for word in ("could not be written", "make room, or set TORCH_HOME"))
    message = refused("me/net", RunFailed)
    assert all(word in message for word in ("could not be written", "make room, or set HF_HOME"))


def test_what_a_killed_download_left_in_the_cache_goes_with_the_next(server: Hub) -> None:
    server.models["w.pth"] = b"weights"
    address = f"{server.address}/models/w.pth"
    target = download.cached_at(address)
    target.parent.mkdir(parents=True)
    (target.parent / f".{target.name}.x1.part").write_bytes(b"wei")
    assert download.download(address) == target
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_said_and_leaves_nothing(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    server.models["w.pth"] = b"w"
    assert "could not be written (No space left on device), and what was there is unchanged" in refused(
        f"{server.address}/models/w.pth", RunFailed
    )
    assert not list(download.checkpoints().iterdir())


def test_a_local_file_comes_before_anything_of_its_name(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("timm").mkdir()
    Path(NAME).touch()
    assert hub.fetch(NAME) == hub.Fetched(path=Path(NAME), origin=NAME)
    assert hub.fetch("runs/gone.pth").path == Path("runs/gone.pth")
    assert not server.asked


def test_a_wrong_network_is_refused_before_anything_is_downloaded(server: Hub) -> None:
    with pytest.raises(InputError, match="did you mean resnet18"):
        resnets.convert(NAME, "resnt18")
    with pytest.raises(InputError, match="no such file"):
        resnets.convert("gone.pth")
    assert not server.asked


@pytest.mark.parametrize("name", ["me/net@../../../evil", "me/net@a/../../b", "me/net@.hidden", "hf-hub:me/net@x/.."])
def test_a_revision_that_leaves_the_cache_is_refused_before_anything_is_asked(server: Hub, name: str) -> None:
    assert "no name of a repository and its revision can have .. in it" in refused(name)
    assert not server.asked


@pytest.mark.parametrize(
    ("answer", "value"),
    [("commit", "../../../evil"), ("commit", "/evil"), ("tag", "../../../evil"), ("tag", "a/evil"), ("tag", "..")],
)
def test_a_hub_whose_answers_leave_the_cache_is_refused_and_nothing_is_written(
    server: Hub, tmp_path: Path, answer: str, value: str
) -> None:
    server.repositories["me/net"] = {"config.json": b"{}", "model.safetensors": b"w"}
    setattr(server, answer, value)
    message = refused("me/net")
    assert "which would leave the cache's folder; it is no Hub: check HF_ENDPOINT" in message
    assert value in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_hub_that_misses_a_file_may_not_leave_the_cache_either(server: Hub, tmp_path: Path) -> None:
    server.repositories["me/net"] = {}
    server.commit = "../../../evil"
    assert "which would leave the cache's folder" in refused("me/net")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_server_that_always_cuts_off_is_asked_no_more_than_the_limit_says(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNETS_DOWNLOAD_RETRIES", "7")
    server.models["w.pth"] = bytes(100)
    server.breaks["w.pth"] = [1] * 50
    message = refused(f"{server.address}/models/w.pth")
    assert "broke off again and again, 8 times; try later, or set RESNETS_DOWNLOAD_RETRIES to more" in message
    assert len(server.bodies("w.pth")) == 8
    assert not list(download.checkpoints().iterdir())


def test_a_file_that_is_too_large_is_refused_before_it_comes(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNETS_DOWNLOAD_BYTES", "10")
    server.models["w.pth"] = bytes(11)
    server.repositories["me/net"] = {"config.json": bytes(11)}
    for name in (f"{server.address}/models/w.pth", "me/net"):
        message = refused(name)
        assert "more than 10 bytes, the most that is downloaded; check the address, or set RESNETS_DOWNLOAD" in message
    assert not list(download.checkpoints().iterdir())


def test_a_download_that_takes_too_long_is_given_up(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNETS_DOWNLOAD_SECONDS", "0")
    server.models["w.pth"] = bytes(11)
    server.repositories["me/net"] = {"config.json": bytes(11)}
    for name in (f"{server.address}/models/w.pth", "me/net"):
        assert "takes more than 0 seconds; try later, or set RESNETS_DOWNLOAD_SECONDS to more" in refused(name)


@pytest.mark.parametrize("what", ["headers", "body"])
@pytest.mark.parametrize("name", ["{}/models/w.pth", "me/net"])
def test_a_server_that_trickles_is_given_up_when_the_time_is_over(
    name: str, what: str, server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNETS_DOWNLOAD_SECONDS", "1")
    server.models["w.pth"] = bytes(1000)
    server.repositories["me/net"] = {"config.json": bytes(1000)}
    server.trickles |= {"w.pth": what, "config.json": what}
    assert "takes more than 1 seconds; try later, or set RESNETS_DOWNLOAD_SECONDS to more" in refused(
        name.format(server.address)
    )
    assert not [path for path in download.checkpoints().rglob("*") if path.is_file()]


def test_a_hub_that_asks_to_wait_for_years_or_offers_another_way_is_asked_as_usual(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(**_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("huggingface_hub.file_download.xet_get", never)
    server.extra = {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": f"{server.address}/xet", "Retry-After": "1000000000"}
    server.repositories["me/net"] = {"config.json": b"{}"}
    assert "me/net" in refused("me/net")
    assert server.bodies("config.json")


def test_a_limit_that_is_no_number_is_said(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNETS_DOWNLOAD_BYTES", "10 GB")
    server.models["w.pth"] = b"w"
    assert "RESNETS_DOWNLOAD_BYTES = '10 GB': must be a whole number" in refused(f"{server.address}/models/w.pth")


def test_an_address_that_is_none_is_said(server: Hub) -> None:
    assert "http://[::1/x: is no address" in refused("http://[::1/x")
    assert not server.asked


@pytest.mark.parametrize("name", ["a%00.pth", "a%00-0123456789abcdef.pth", "%1b%5d0%3bowned%07.pth"])
def test_control_characters_in_an_address_are_in_no_file_name(server: Hub, name: str) -> None:
    assert "there is no such file (404" in refused(f"{server.address}/models/{name}")
    assert download.cached_at(f"http://h/{name}").name.isprintable()
