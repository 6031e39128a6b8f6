"""`resnets convert`: from weights that others trained, here or elsewhere, to a classifier's file."""

from pathlib import Path
from typing import Annotated

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
    explain: Annotated[bool, Parameter(negative="")] = False,
    check: str | None = None,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make a classifier's file of weights that others trained, whatever their layout.

    Examples:

    `resnets convert timm/resnet50.a1_in1k -o resnet50.safetensors`

    `resnets convert mystery.pth --explain --check photos/`

    `resnets convert resnet50.pth resnet50 --classes imagenet.txt -o resnet50.safetensors`

    `resnets convert resnet20.th cifar_resnet20 --classes cifar10.txt --preprocessing size=32 --preprocessing resize=32`

    Parameters
    ----------
    weights
        A file of weights, whatever its name: safetensors, what torch.save or torch.jit.save wrote, or one of them
        compressed as .xz or .gz; a name that `resnets list --weights`
        prints; OWNER/NAME of a Hub repository in timm's layout; or a URL. Pickles are read without running anything
        in them.
    network
        The network it belongs to: a name that `resnets list` prints, or the path of a .toml spec. Without it, what a
        name or a Hub repository says, or else what the shapes of the layers say.
    spec
        The same as a .toml file for NETWORK.
    classes
        A file with the class names in the order of the outputs: one a line, perhaps behind a number or a WordNet id, or
        JSON such as imagenet_class_index.json. Without it, the publisher's names, or numbers.
    preprocessing
        One field, NAME=VALUE, that differs from the publisher's preprocessing, or from the network's usual one; may be
        repeated: size, resize, fit (crop, squash, pad), interpolation (bilinear, bicubic), mean, std, channels.
    new_head
        Where the weights are for other classes than --classes names, take a new classifier, which is untrained.
    body
        Which network to take where the file holds several: teacher or student, encoder_k, model rather than model_ema.
    explain
        Print a line for each layer: its name in the file, ours, its shape.
    check
        Labelled images, in any form that `resnets train` takes: evaluate the classifier on them, print its accuracy.
    out
        The classifier's file; classifier.safetensors, if there is none yet, where not given.
    json
        Print the result as one JSON document.
    """
    from resnets.training.recipes.plan import parse_settings
    from resnets.weights import conversion

    of = spec or network
    if out is None:
        out = Path("classifier.safetensors")
        if out.exists():
            raise InputError(f"{out}: is already here; -o names another file, or this one to write it anew")
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
