"""`resnets hub`: classifiers on the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from resnets.cli.help import examples
from resnets.cli.terminal import as_json, write_result

hub = App(name="hub", help="Share a classifier on the Hugging Face Hub, in timm's layout.", help_format="markdown")


def push(
    classifier: Path,
    repository: str,
    /,
    *,
    private: Annotated[bool, Parameter(negative="")] = False,
    licence: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a classifier to the Hub as timm and `resnets convert` load it, with a model card.

    Log in first with `hf auth login`, or set HF_TOKEN. HF_ENDPOINT names another Hub.

    Parameters
    ----------
    classifier
        A classifier.safetensors, or the folder of a run.
    repository
        OWNER/NAME. It is made if there is none.
    private
        Only you can see a new repository.
    licence
        The weights' licence, in the Hub's words: mit, apache-2.0, cc-by-4.0.
    json
        Print one JSON document.

    Examples
    --------
    resnets hub push runs/photos anna/leaf-diseases --private
    resnets convert anna/leaf-diseases -o leaves.safetensors
    """
    from resnets import handing_on

    done = handing_on.push_to_hub(classifier, repository, private=private, licence=licence)
    if json:
        write_result(as_json({"url": done.url, "commit": done.commit, "files": done.files, "notes": done.notes}))
        return
    write_result("".join(f"{note}\n" for note in done.notes) + f"files  {', '.join(done.files)}\nhub    {done.url}\n")


hub.command(push, help_epilogue=examples(push))
