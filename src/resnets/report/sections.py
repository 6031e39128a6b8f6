"""What each section of the page says, as values for its template."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from markupsafe import Markup

from resnets.evaluation import intervals
from resnets.evaluation.calibration import Reliability
from resnets.evaluation.chance import no_better_than_chance
from resnets.report import findings, plots, scores, thumbnails
from resnets.report.confusion import confusion as confusion_matrix
from resnets.report.evaluated import RunReport
from resnets.report.findings import Pair
from resnets.report.inline import inline
from resnets.structure import structure
from resnets.training.best_epoch import named_epoch

MISTAKES = 24
PAIRS, EXAMPLES = 8, 6
BORDER = 12
WORST = 8
TABLED = 24  # classes: up to here the confusion matrix is a table
SLIM = 8  # classes: up to here that table fits a telephone; of more, a drawing takes its place there
NAMED = 10  # classes in a list of many
ROOMY = 10  # classes: up to here its cells are large
OPEN = 40  # classes: a longer table is folded
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


def everything(run: RunReport) -> dict[str, Any]:
    """All that the template names."""
    scored = scores.scores(run.evaluation)
    return {
        "run": run,
        "title": run.name,
        "warning": no_better_than_chance(run.evaluation),
        "command": run.command,
        "reasons": [] if run.plan is None else list(run.plan.reasons),
        "on": run.on,
        "found": run.evaluation,
        "scores": scored,
        "key_figures": scores.key_figures(run.evaluation, scored),
        "resamples": intervals.RESAMPLES,
        "reliability": reliability(run),
        "faults": faults(run),
        "pixelated": Markup(' class="pixelated"') if run.classifier.preprocessing.size < thumbnails.SMALLEST else "",
        "classes": run.classifier.classes,
        "made": made(run),
        "settings": settings(run),
        "curves": curves(run),
        "per_class": per_class(run),
        "folded": len(run.classifier.classes) > OPEN,
        "confusion": confusion(run),
        "worst": findings.worst_classes(run.evaluation, WORST),
        "abstentions": abstentions(run),
        **pictures(run),
    }


def made(run: RunReport) -> list[tuple[str, str]]:
    """What was trained on what: names and values, those that are known."""
    origin, spec = run.classifier.origin, run.classifier.network.spec
    preprocessing = run.classifier.preprocessing
    built = structure(spec, preprocessing.size)
    versions: dict[str, Any] = origin.get("versions") or {}
    rows = [
        ("network", f"{run.network}: {built.parameters:,} parameters, {built.macs / 1e9:.3g} GMACs per image"),
        ("image size", f"{preprocessing.size} × {preprocessing.size}, {counted(preprocessing.channels, 'channel')}; "
                       f"resized to {preprocessing.resize}, fit {preprocessing.fit}, {preprocessing.interpolation}"),
        ("classes", f"{len(run.classifier.classes):,}"),
        *_data(run),
        ("recipe", run.recipe),
        ("seed", "" if origin.get("seed") is None else str(origin["seed"])),
        ("trained", _trained(run)),
        ("date", str(origin.get("date") or "").replace("T", " ").replace("+00:00", " UTC")),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]  # fmt: skip
    return [(name, value) for name, value in rows if value]


def _data(run: RunReport) -> list[tuple[str, str]]:
    data = run.data
    held: dict[str, Any] = data.get("held_out") or {}
    split = f"{held['fraction']:.0%} of each class held out for validation, seed {held['seed']}" if held else ""
    counts = (
        f"{data['train']:,} images for training, {data['val']:,} to choose the best epoch" if "train" in data else ""
    )
    return [
        ("trained on", "; ".join(filter(None, (str(data.get("name") or data.get("checkpoint") or ""), counts)))),
        ("split", split),
        ("tested on", f"{run.on}: {len(run.labels):,} images"),
    ]


def _trained(run: RunReport) -> str:
    if not run.rows:
        return ""
    seconds, epochs = run.rows[-1].get("seconds") or 0, run.rows[-1]["epoch"]
    if not epochs:
        return f"{named_epoch(0)}, in {duration(seconds)}"
    kept = f"; best was {named_epoch(run.best['epoch'])}" if run.best else ""
    return f"{counted(epochs, 'epoch')} in {duration(seconds)}{kept}"


def counted(count: int, thing: str) -> str:
    """`1 epoch`, `8 epochs`, `2 classes`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}{'es' if thing.endswith('s') else 's'}"


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 100:
        return f"{seconds:.1f} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def settings(run: RunReport) -> list[tuple[str, str]]:
    """Every setting of the recipe the classifier was trained with."""
    recipe: dict[str, Any] = run.classifier.origin.get("recipe") or {}
    return [(name, str(value)) for name, value in recipe.items()]


def curves(run: RunReport) -> list[Any]:
    """Loss, accuracy and learning rate; nothing where no run is known, or where it has one epoch only."""
    if len(run.rows) < 2:
        return []
    last, best = run.rows[-1], run.best or run.rows[-1]
    losses = f"training loss {last['train_loss']:.3f}, validation loss {last['val_loss']:.3f}"
    accuracy = f"best was {named_epoch(best['epoch'])}, with a validation accuracy of {best['val_top1']:.2%}"
    drawn = (
        ("loss", plots.loss_curve(run.rows), losses),
        ("accuracy", plots.accuracy_curve(run.rows, best["epoch"]), accuracy),
        ("rate", plots.rate_curve(run.rows), f"learning rate {last['lr']:.3g} at the end"),
    )
    return [
        inline(drawing, name=name, label=f"{name} by epoch: {label}, after epoch {last['epoch']}")
        for name, drawing, label in drawn
    ]


def per_class(run: RunReport) -> list[dict[str, Any]]:
    """A row for each class: its images, its scores, and what it is most often taken for."""
    trained = run.train.class_counts() if run.train is not None else None
    named = run.train.classes if run.train is not None else ()
    trained_of = dict(zip(named, trained.tolist(), strict=True)) if trained is not None else {}
    wrong = run.evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    rows: list[dict[str, Any]] = []
    for output, score in enumerate(run.evaluation.classes):
        answer = int(wrong[output].argmax())
        times = int(wrong[output, answer])
        taken = run.classifier.classes[answer] if times else None
        rows.append({"score": score, "trained": trained_of.get(score.name), "taken_for": taken, "times": times})
    return rows


def confusion(run: RunReport) -> dict[str, Any]:
    """The matrix as rows of (count, strength of shade) for few classes, drawn for many, both in between."""
    matrix = run.evaluation.confusion
    found: dict[str, Any] = {}
    if len(matrix) > SLIM:
        label = f"confusion matrix of {len(matrix)} classes; the pairs below name its largest entries off the diagonal"
        found["drawn"] = inline(confusion_matrix(run.evaluation), name="confusion", label=label)
    if len(matrix) > TABLED:
        return found
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    strengths = np.sqrt(shares)  # so that a few in a hundred can be seen
    rows = [list(zip(*pair, strict=True)) for pair in zip(matrix.tolist(), strengths.tolist(), strict=True)]
    return found | {"rows": rows, "few": len(matrix) <= ROOMY}


def reliability(run: RunReport) -> list[dict[str, Any]]:
    """The reliability, drawn and in figures: without the temperature, and with it where there is one."""
    kinds = [("as trained", run.before)]
    if run.classifier.temperature != 1:
        name = f"with temperature {run.classifier.temperature:.3f}"
        kinds.append((name, run.evaluation.reliability))
    return [
        {
            "name": name,
            "found": found,
            "confidence": float(np.nansum(found.confidence * found.counts) / found.counts.sum()),
            "drawn": inline(plots.reliability(found), name=f"reliability{place}", label=_diagram(name, found)),
        }
        for place, (name, found) in enumerate(kinds)
    ]


def _diagram(name: str, found: Reliability) -> str:
    bins = [
        f"{low:.0%} to {high:.0%}: {right:.0%} of {count:,}"
        for low, high, right, count in zip(
            found.edges[:-1], found.edges[1:], found.accuracy, found.counts.tolist(), strict=True
        )
        if count
    ]
    return f"reliability diagram, {name}; right answers by probability: {', '.join(bins)}"


def faults(run: RunReport) -> list[str]:
    """What is wrong with the data, as far as it is known: the notes, classes without images, images left out."""
    left_out: int = (run.data.get("left_out") or 0) - (run.data.get("listed") or 0)
    found = list(run.notes)
    if left_out:
        found.append(f"{counted(left_out, 'image')} could not be decoded; left out of training and validation")
    if unmet := [score.name for score in run.evaluation.classes if not score.count]:
        more = f" and {len(unmet) - NAMED:,} more" if len(unmet) > NAMED else ""
        found.append(f"{counted(len(unmet), 'class')} without images to test on: {', '.join(unmet[:NAMED])}{more}")
    return found


def abstentions(run: RunReport) -> list[findings.Coverage]:
    """What is answered, and how well, when only sure answers are given."""
    chosen = run.classifier.abstain_below
    thresholds = sorted({0.0, *THRESHOLDS, chosen})
    return [findings.coverage(run.probabilities, run.labels, threshold) for threshold in thresholds]


def pictures(run: RunReport) -> dict[str, Any]:
    """The images that are shown: mistakes, confused pairs and those on the border."""
    mistakes = findings.confident_mistakes(run.probabilities, run.labels, MISTAKES)
    pairs = findings.confused_pairs(run.probabilities, run.labels, PAIRS, EXAMPLES)
    border = findings.on_the_border(run.probabilities, BORDER)
    wrong = sorted({*mistakes, *(index for pair in pairs for index in pair.images)})
    pixels = thumbnails.pixels_of(run, [*wrong, *border])
    seen = {index: thumbnails.seen(one) for index, one in pixels.items()}
    evidence = thumbnails.evidence(run, [(pixels[index], int(run.predicted[index])) for index in wrong])
    why = dict(zip(wrong, evidence, strict=True))
    return {
        "mistakes": [{**_image(run, index, seen), "why": why[index]} for index in mistakes],
        "wrong": run.evaluation.count - run.evaluation.top1.correct,
        "pairs": [_pair(run, pair, seen, why) for pair in pairs],
        "border": [_image(run, index, seen) for index in border],
    }


def _image(run: RunReport, index: int, seen: dict[int, str]) -> dict[str, Any]:
    names, probabilities = run.classifier.classes, run.probabilities[index]
    order = np.argsort(-probabilities, kind="stable")[:2].tolist()
    truth = int(run.labels[index])
    return {
        "seen": seen[index],
        "file": run.file(index),
        "truth": names[truth],
        "truth_probability": float(probabilities[truth]),
        "answers": [(names[output], float(probabilities[output])) for output in order],
        "correct": truth == order[0],
    }


def _pair(run: RunReport, pair: Pair, seen: dict[int, str], why: dict[int, str]) -> dict[str, Any]:
    names = run.classifier.classes
    images: Iterable[dict[str, Any]] = ({**_image(run, index, seen), "why": why[index]} for index in pair.images)
    return {"pair": pair, "truth": names[pair.truth], "answer": names[pair.answer], "images": list(images)}
