"""`resnets explain`: what in an image speaks for a class."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from resnets.cli.terminal import as_json, write_note, write_result


def explain(
    classifier: Path,
    image: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    class_: Annotated[str | None, Parameter(name="--class")] = None,
    method: Literal["cam", "gradcam", "occlusion", "integrated-gradients"] | None = None,
    smooth: Annotated[bool, Parameter(negative="")] = False,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(alias="-o")] = None,
) -> None:
    """Show what in an image speaks for a class, and what speaks against it.

    The map is drawn on the whole image, with a frame around what the network saw. It is checked: how fast the
    probability falls as the strongest places are taken away and rises as they come back, and how much the map differs
    from that of a network with random weights.

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    image
        An image file.
    class_
        The class to explain, by name or by its number among the outputs. By default the most probable one.
    method
        cam adds up to the logit exactly, for networks that average at the end; gradcam works for all; occlusion and
        integrated-gradients are finer and slower, and need captum. By default cam where it is exact, else gradcam.
    smooth
        Draw the map smooth instead of cell by cell.
    device
        Where to compute; auto takes a GPU if there is one.
    json
        Print one JSON document instead, with the map in numbers.
    out
        Write a picture (.png), a page (.html), the map (.npy), or all arrays (.npz). By default explanation.png,
        unless --json is given.

    Examples
    --------
    resnets explain runs/photos holiday.jpg
    resnets explain runs/photos holiday.jpg --class dog -o dog.html
    resnets explain runs/photos holiday.jpg --method integrated-gradients -o map.npy
    """
    from resnets import explaining
    from resnets.report.explanation import check_ending

    if out is None and not json:
        out = Path("explanation.png")
    if out is not None:
        check_ending(out)
    found = explaining.explain(classifier, image, label=class_, method=method, smooth=smooth, device=device)
    if found.completeness is not None and not found.completeness.is_met:
        write_note(f"{image}: the map's sum misses the logit's rise by {found.completeness.error:.1%}, more than 1%")
    if out is not None:
        chosen = [*(["--class", class_] if class_ else []), *(["--method", method] if method else [])]
        chosen += ["--smooth"] if smooth else []
        command = ["resnets", "explain", str(classifier), image, *chosen, "-o", str(out)]
        found.save(out, command=shlex.join(command))
    if json:
        write_result(as_json(found.as_dict()))
        return
    facts = [*found.facts(), ("written", str(out))]
    width = max(len(name) for name, _ in facts)
    write_result("".join(f"{name:{width}}  {value}\n" for name, value in facts))
