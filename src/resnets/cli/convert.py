"""`resnets convert`: from weights that others trained, here or elsewhere, to a classifier's file."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.base.errors import InputError
from resnets.base.files import check_place
from resnets.cli.terminal import as_json, watched, write_result


def convert(
    weights: str,
    network: str | None = None,
    /,
    *,
    spec: Path | None = None,
    classes: Path | None = None,
    preprocessing: Annotated[list[str] | None, Parameter(negative="")] = None,
    new_head: Annotated[bool, Parameter(negative="")] = False,
    body: str | None = None,
    trust: Annotated[bool, Parameter(negative="")] = False,
    explain: Annotated[bool, Parameter(negative="")] = False,
    check: str | None = None,
    to: Literal["classifier", "torchvision", "timm", "transformers"] = "classifier",
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Turn weights that others trained into a classifier file, whatever their layout.

    Reading a file (a pickle, such as .pth) never runs code that is in it.

    Parameters
    ----------
    weights
        A file of weights, whatever its name, or one of them as .xz or .gz; a name from `resnets list --weights`,
        OWNER/NAME on the Hugging Face Hub, or a URL.
    network
        Network of the weights: a name from `resnets list`, or a .toml spec. By default what a name or a Hub repository
        says, or what the shapes of the layers say.
    spec
        Network as a .toml file, instead of NETWORK.
    classes
        The class names in the order of the outputs: one per line, perhaps after a number or a WordNet id, or JSON such
        as imagenet_class_index.json. By default the publisher's names, or numbers.
    preprocessing
        Change one field, NAME=VALUE; can be repeated. Fields: size, resize, fit (crop, squash, pad), interpolation
        (bilinear, bicubic), mean, std, channels.
    new_head
        If --classes names other classes than the weights have, begin with a new, untrained last layer.
    body
        Network to take if the file holds several: teacher or student, encoder_k, model instead of model_ema.
    trust
        Take layers whose shapes fit, even if their statistics or the strides in the file are another network's.
    explain
        Print a line for each layer: its name in the file, our name, its shape.
    check
        Labelled images, in any form that `resnets train` takes: print the accuracy on them.
    to
        Write WEIGHTS, a classifier, in the layout of another library: a folder, or a .pth file for torchvision.
    out
        The file or folder to write. By default classifier.safetensors, or the library's name, if there is none yet.
    json
        Print the result as one JSON document.

    Examples
    --------
    resnets convert timm/resnet50.a1_in1k -o resnet50.safetensors
    resnets convert resnet50.pth resnet50 --classes imagenet.txt -o resnet50.safetensors
    resnets convert mystery.pth --explain --check photos/
    resnets convert runs/photos --to timm -o photos-timm
    resnets convert resnet20.th cifar_resnet20 --classes cifar10.txt --preprocessing size=32 --preprocessing resize=32
    """
    if to != "classifier":
        if network or spec or classes or preprocessing or new_head or body or trust or explain or check:
            raise InputError(f"--to {to}: takes a classifier as it is; of its parts nothing else can be said")
        _write_layout(weights, to, out, json=json)
        return
    from resnets.training.recipes.plan import parse_settings
    from resnets.weights import conversion

    of = spec or network
    if out is None:
        out = Path("classifier.safetensors")
        if out.exists():
            raise InputError(f"{out}: already exists; use -o to name another file, or to name this one and replace it")
    check_place(out)
    fields = parse_settings(preprocessing or [], "--preprocessing", example="size=32")
    with watched() as watch:
        classifier, notes = conversion.convert(
            weights,
            of,
            classes=classes,
            preprocessing=fields,
            new_head=new_head,
            body=body,
            trust=trust,
            explain=explain,
            watch=watch,
        )
        checked = classifier.evaluate(check, watch=watch) if check is not None else None
    classifier.save(out)
    scores = {"check": checked.as_dict()} if checked is not None else {}
    if checked is not None:
        notes = (*notes, f"check: {checked.top1.value:.2%} of {checked.count:,} images of {check} right")
    if json:
        write_result(as_json({"classifier": str(out), "notes": list(notes), **classifier.header()} | scores))
        return
    write_result("".join(f"{note}\n" for note in notes) + f"classifier  {out}\n")


def _write_layout(
    classifier: str, to: Literal["torchvision", "timm", "transformers"], out: Path | None, *, json: bool
) -> None:
    from resnets import handing_on

    written, notes = handing_on.convert_to(classifier, to, out)
    if json:
        write_result(as_json({"written": str(written), "library": to, "notes": list(notes)}))
        return
    write_result("".join(f"{note}\n" for note in notes) + f"{to:<11} {written}\n")
