"""A classifier as one HTML file that computes by itself: the server's page, ONNX Runtime Web, and the model.

The page's modules are joined as the explorer's are. What is large is gzip in base64, and the browser unpacks it.
"""

import gzip
import json
import re
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from resnets.base.errors import InputError
from resnets.base.files import check_place, write_whole
from resnets.base.progress import Watch, unwatched
from resnets.classifier.file import Classifier
from resnets.data import preprocessing as preprocessings
from resnets.data.imageset import ImageSet
from resnets.explain.cam import is_exact
from resnets.export import exporting, parity_images
from resnets.export.exporting import Export, ExportOptions, Precision
from resnets.export.gate import Gate
from resnets.export.repository import model_name
from resnets.serve import page_gate
from resnets.serve.card import card
from resnets.serve.web_runtime import VERSION, WebRuntime, web_runtime

# In the order of their imports.
MODULES = (
    "dom.js", "picture.js", "card.js", "csv.js", "adding.js", "app.js", "resizing.js", "local.js", "local-main.js",
)  # fmt: skip
FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "AVIF")  # that browsers read
MAPS = "maps"  # the model's second output: what its last layer averages

# Nothing may be asked of any server: neither by mistake nor by a class's name.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src blob: data:; media-src blob:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Model:
    """An ONNX file and what the page must know of it."""

    content: bytes
    maps: bool


def export(
    classifier: Classifier,
    out: Path | None,
    *,
    precision: Precision = "float32",
    max_drop: float = 0.5,
    watch: Watch = unwatched,
    data: str | Path | ImageSet | None = None,
    **how: Any,
) -> Export:
    """Write the page, after it has answered for real images in headless Chromium as the classifier does.

    precision: of the model in the page. max_drop: percentage points of accuracy that int8 may lose. data, how: the
    images, as `exporting.export` takes them.
    Raises InputError for what the user can mend; RunFailed, with nothing written, when the page answers otherwise.
    """
    _check(classifier)
    path = _place(classifier, out)
    chromium = page_gate.find_chromium()
    runtime = web_runtime()
    with tempfile.TemporaryDirectory() as folder:
        options = ExportOptions(
            to="int8" if precision == "int8" else "onnx", out=Path(folder) / "model.onnx", max_drop=max_drop
        )
        made = exporting.export(classifier, options, data=data, watch=watch, **how)
        content = made.path.read_bytes()
    said = classifier.header() | {"export": {"kind": made.kind}}
    text = page(classifier, with_maps(content, classifier), said, runtime)
    judged = parity_images.find(classifier, data, calibrate=made.kind == "int8", **how)
    parity = page_gate.require(text, Gate(classifier, judged, watch), made.kind, max_drop=max_drop, chromium=chromium)
    write_whole(path, text.encode())
    return Export(path, made.kind, parity, on="any browser of 2023 or later, without a network")


def page(classifier: Classifier, model: Model, header: dict[str, Any], runtime: WebRuntime) -> str:
    """The page's HTML."""
    name = model_name(classifier.path)
    about = card(name, header, classifier, runtime=f"ONNX Runtime Web {VERSION}", maps=model.maps)
    data: dict[str, Any] = {
        "about": {"classifiers": [about], "formats": FORMATS, "limits": {}},
        "preprocessing": preprocessings.to_dict(classifier.preprocessing),
        "frame": list(classifier.preprocessing.mean_colour),
    }
    if model.maps:
        weights = classifier.network.fc.weight.detach().float().cpu().numpy()
        data["weights"] = {"shape": list(weights.shape), "values": _packed(weights.astype("<f4").tobytes())}
    parts = {
        "policy": POLICY,
        "style": _source("page.css"),
        "icon": b64encode(_source("icon.svg").encode()).decode(),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "wasm": _packed(runtime.wasm),
        "model": _packed(model.content),
        "runtime": _packed(runtime.script.encode()),
        "script": "\n".join(_joined(_source(one)) for one in MODULES),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _source("offline.html").replace("{{body}}", _body()))


def _check(classifier: Classifier) -> None:
    preprocessing = classifier.preprocessing
    if preprocessing.channels not in (1, 3):
        raise InputError(f"a page shows images of 1 or 3 channels, but the classifier reads {preprocessing.channels}")
    if preprocessing.range is not None:
        raise InputError(
            "the classifier reads images of more than 8 bits, which browsers reduce in their own way; "
            "use `resnets serve` instead"
        )


def _place(classifier: Classifier, out: Path | None) -> Path:
    beside = (classifier.path or Path("classifier.safetensors")).parent
    path = out or beside / f"{model_name(classifier.path)}.html"
    check_place(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: must end in .html, so that a browser opens it")
    return path


def with_maps(content: bytes, classifier: Classifier) -> Model:
    """The model without its header, giving what its last layer averages too, if that is what it does."""
    import onnx

    model = onnx.load_model_from_string(content)
    del model.metadata_props[:]
    found = _averaged(model) if is_exact(classifier.network) else None
    if found is not None:
        node = onnx.helper.make_node("Identity", [found], [MAPS])
        model.graph.node.append(node)
        shape = ["batch", classifier.network.fc.in_features, None, None]
        model.graph.output.append(onnx.helper.make_tensor_value_info(MAPS, onnx.TensorProto.FLOAT, shape))
    return Model(model.SerializeToString(deterministic=True), found is not None)


def _averaged(model: Any) -> str | None:
    """What the mean before the last layer reads; None where there is no such mean."""
    made = {output: node for node in model.graph.node for output in node.output}
    gemm = next((node for node in reversed(model.graph.node) if node.op_type in ("Gemm", "MatMul")), None)
    node = None if gemm is None else made.get(gemm.input[0])
    while node is not None and node.op_type in ("QuantizeLinear", "DequantizeLinear", "Identity", "Flatten", "Reshape"):
        node = made.get(node.input[0])
    return node.input[0] if node is not None and node.op_type == "ReduceMean" else None


def _body() -> str:
    """The server page's body, in words that fit a page without a server."""
    whole = _source("index.html")
    body = whole[whole.index("<body>") + len("<body>") : whole.index("</body>")]
    body = re.sub(r'<form id="key-form".*?</form>\n', "", body, flags=re.DOTALL)
    body = re.sub(r"<noscript>.*?</noscript>\n", "<noscript><p>This page needs JavaScript.</p></noscript>\n", body)
    body = re.sub(
        r'<p id="foot">.*?</p>',
        '<p id="foot">This page computes by itself. Your images stay on this device, and it works without a network. '
        "Made by resnets.</p>",
        body,
    )
    return body.replace(
        "This file gives no class activation maps. Serve the classifier itself to see which parts of an image led to "
        "an answer.",
        "This classifier gives no class activation maps.",
    )


def _joined(module: str) -> str:
    """A module without its imports, whose names the modules before it have declared, and without `export`."""
    return re.sub(r"^import .*;\n|^export (?=async function|function|class|const|let)", "", module, flags=re.MULTILINE)


def _packed(data: bytes) -> str:
    return b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _source(name: str) -> str:
    return files("resnets.serve").joinpath("page", name).read_text(encoding="utf-8")
