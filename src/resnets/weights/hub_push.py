"""A classifier as a repository of the Hugging Face Hub: timm's layout and a model card.

huggingface_hub does the uploading, with HF_ENDPOINT and the login of `hf auth login` or HF_TOKEN.
"""

import re
from dataclasses import dataclass

from resnets.base.errors import InputError, RunFailed
from resnets.classifier.file import Classifier
from resnets.classifier.header import shortly
from resnets.weights.card import card
from resnets.weights.hub_files import endpoint, quiet
from resnets.weights.outward import in_layout

_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """Where a classifier is on the Hub."""

    url: str
    commit: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def push(
    classifier: Classifier, repository: str, *, private: bool = False, licence: str | None = None, message: str = ""
) -> Pushed:
    """Write the repository OWNER/NAME, made if there is none, so that timm and `resnets convert` load it.

    private: whether a new repository is. licence: of the weights, in the Hub's words. message: of the commit.
    Raises InputError when timm has no such network, the name can't be one, or the login lacks the right to write;
    RunFailed when the Hub can't be reached or the upload breaks off. Files come in one commit: all or none.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError  # pyright: ignore[reportPrivateImportUsage] # that of httpx or httpx2, whichever it uses

    if not _REPOSITORY.fullmatch(repository):
        raise InputError(f"{repository}: no name of a repository; it must be OWNER/NAME, such as anna/leaf-diseases")
    layout = in_layout(classifier, "timm")
    readme = card(classifier, repository, layout.network, licence=licence)
    files = {**layout.files, "README.md": readme.encode()}
    additions = [CommitOperationAdd(name, content) for name, content in files.items()]
    hub = HfApi(endpoint=endpoint())
    try:
        with quiet():
            hub.create_repo(repository, private=private, exist_ok=True)
            done = hub.create_commit(repository, additions, commit_message=message or f"Add {layout.network}")
    except LocalTokenNotFoundError as error:
        raise InputError(f"{repository}: nobody is logged in; `hf auth login`, or set HF_TOKEN") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise InputError(
                f"{repository}: {endpoint()} does not let this login write there ({status}); `hf auth login` with a "
                "token that may write"
            ) from error
        raise RunFailed(f"{repository}: {endpoint()} answered {status} ({shortly(error)}); try again later") from error
    except (HTTPError, OSError) as error:
        raise RunFailed(f"{repository}: {endpoint()} cannot be reached ({shortly(error)}); try again later") from error
    return Pushed(url=f"{endpoint()}/{repository}", commit=done.oid, files=tuple(sorted(files)), notes=layout.notes[1:])
