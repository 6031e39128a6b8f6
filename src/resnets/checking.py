"""The verb that looks at a data set before anybody trains on it, as a function."""

from pathlib import Path

from resnets.api import open_predictor
from resnets.base.files import write_whole
from resnets.base.notebook import watching
from resnets.base.progress import Watch
from resnets.checks import check as checks
from resnets.checks.finding import Checkup
from resnets.classifier.predictor import Predictor
from resnets.data import leaving_out
from resnets.data.imageset import ImageSet
from resnets.data.table_columns import Asked
from resnets.report import check_page


def check(
    data: str | Path | ImageSet,
    *,
    classifier: Predictor | str | Path | None = None,
    columns: Asked | None = None,
    images: str | Path | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    fix_list: str | Path | None = None,
    watch: Watch | None = None,
) -> Checkup:
    """What is wrong with labelled images: a `Checkup`, whose `findings` say of which kind, which images, and why.

    data, columns, images: as `train` has them. classifier: lists suspicious labels too, by what it says; itself, or
    what `open_predictor` opens, on `device`. out: where to write a page with the pictures. fix_list: where to
    write the names of images to leave out, which `train` reads as leave_out.
    Raises InputError when the data cannot be opened at all, RunFailed when a file cannot be written.
    """
    if classifier is not None and not isinstance(classifier, Predictor):
        classifier = open_predictor(classifier, device=device)
    with watching(watch) as seen:
        found = checks.check(data, classifier=classifier, columns=columns, images=images, watch=seen)
    if out is not None:
        check_page.write(out, found)
    if fix_list is not None:
        write_whole(fix_list, leaving_out.written(found.data, found.left_out))
    return found
