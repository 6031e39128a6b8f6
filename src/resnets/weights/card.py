"""The README of a Hub repository: what a classifier is, what it scores, where it came from and what it can't do."""

from collections.abc import Mapping
from typing import Any

from resnets.classifier.file import Classifier
from resnets.structure import structure

MOST_CLASSES = 50  # that are listed by name


def card(classifier: Classifier, repository: str, network: str, *, licence: str | None = None) -> str:
    """The model card in Markdown, with the Hub's front matter.

    repository: OWNER/NAME. network: as timm calls it. licence: of the weights, in the Hub's words, such as "mit".
    """
    parts = (
        _front_matter(licence),
        f"# {repository.rpartition('/')[2]}\n",
        _what(classifier, network),
        _scores(classifier),
        _use(classifier, repository),
        _data(classifier.origin),
        _limits(classifier),
    )
    return "\n".join(part for part in parts if part)


def _front_matter(licence: str | None) -> str:
    lines = ["library_name: timm", "pipeline_tag: image-classification", "tags:", "- image-classification", "- timm"]
    lines += ["- resnets", *([f"license: {licence}"] if licence else [])]
    return "\n".join(("---", *lines, "---", ""))


def _what(classifier: Classifier, network: str) -> str:
    spec, chosen, classes = classifier.network.spec, classifier.preprocessing, classifier.classes
    built = structure(spec, chosen.size)
    some = ", ".join(classes[:MOST_CLASSES]) + (
        f" and {len(classes) - MOST_CLASSES} more" * (len(classes) > MOST_CLASSES)
    )
    return (
        f"An image classifier: `{network}`, {built.parameters / 1e6:.2f} million parameters, "
        f"{built.macs / 1e9:.2f} billion multiply-accumulates for an image of {chosen.size} x {chosen.size} pixels and "
        f"{chosen.channels} channel{'s' * (chosen.channels > 1)}.\n\n"
        f"{len(classes)} classes: {some}.\n"
    )


def _scores(classifier: Classifier) -> str:
    found: Mapping[str, Any] = classifier.metrics.get("val") or {}
    rows = [
        ("top-1 accuracy", f"{found['top1']:.2%}" if "top1" in found else ""),
        ("top-5 accuracy", f"{found['top5']:.2%}" if "top5" in found and len(classifier.classes) > 5 else ""),
        ("macro F1", f"{found['macro_f1']:.4f}" if "macro_f1" in found else ""),
        ("expected calibration error", f"{found['ece']:.2%}" if "ece" in found else ""),
    ]
    table = "".join(f"| {name} | {value} |\n" for name, value in rows if value)
    if not table:
        return "## Scores\n\nNo scores are recorded. Judge it on images of your own before you rely on it.\n"
    images = f" on {found['count']:,} validation images" if "count" in found else " on validation images"
    head = f"## Scores\n\nMeasured{images}, which also chose the best epoch.\n\n| measure | value |\n|---|---|\n"
    return head + table


def _use(classifier: Classifier, repository: str) -> str:
    calibrated = ""
    if classifier.temperature != 1:
        calibrated = (
            f"\nDivide the logits by {classifier.temperature:.6g} before the softmax: the probabilities are then "
            "calibrated.\n"
        )
    return (
        "## Use\n\n```python\nimport timm\n\n"
        f'network = timm.create_model("hf-hub:{repository}", pretrained=True).eval()\n```\n\n'
        f"```\nresnets convert {repository} -o classifier.safetensors\n```\n{calibrated}"
    )


def _data(origin: Mapping[str, Any]) -> str:
    data: Mapping[str, Any] = origin.get("data") or {}
    versions: Mapping[str, Any] = origin.get("versions") or {}
    lines = [
        ("data", data.get("name") or data.get("checkpoint")),
        ("training images", data.get("train")),
        ("validation images", data.get("val")),
        ("images left out", data.get("left_out") or None),
        ("weights started from", data.get("weights")),
        ("seed", origin.get("seed")),
        ("made with", f"resnets {versions['resnets']}" if "resnets" in versions else None),
    ]
    listed = "".join(f"- {name}: {value}\n" for name, value in lines if value is not None)
    return f"## Training\n\n{listed}" if listed else ""


def _limits(classifier: Classifier) -> str:
    lines = [
        "It knows only the classes above, and gives one of them for every image, whatever it shows.",
        "Its scores hold for images like those it was judged on. Other cameras, places or people can change them.",
        "Nobody has checked it for uses that affect people's health, safety or rights.",
    ]
    if classifier.abstain_below > 0:
        lines.append(f"Answers below a probability of {classifier.abstain_below:.3f} count as unsure.")
    return "## Limits\n\n" + "".join(f"- {line}\n" for line in lines)
