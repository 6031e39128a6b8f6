"""The verb that shows networks: their structure alone, or with what they do with images inside."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resnets.base.errors import InputError
from resnets.base.progress import Watch, unwatched
from resnets.view import show as viewing
from resnets.view.formats import Language
from resnets.view.show import Network, Shown

if TYPE_CHECKING:
    from resnets.classifier.answering import Picture


def show(
    *networks: Network,
    compare: Network | None = None,
    image_size: int | str | tuple[int, int] | None = None,
    operations: bool | None = None,
    language: Language = "en",
    images: "Picture | Sequence[Picture]" = (),
    device: str = "cpu",
    watch: Watch = unwatched,
) -> Shown:
    """Networks to look at: in a notebook the explorer page, as text their tables.

    networks: names from the catalog, TOML specs, classifiers, what was exported of one, or specs. compare: one more, to
    hold against the first. image_size: one side, "height x width" or (height, width) in pixels; each network's own
    where not given. operations: whether every operation is listed, not only the stages; by default in JSON and not in
    tables. language: of the page, en or zh; a reader can change it there. images: paths, Pillow images or uint8 arrays;
    the page then holds what each classifier among the networks does with them. device: where that is computed. Raises
    InputError naming what is not there or cannot be read.
    """
    shown = viewing.show(*networks, compare=compare, image_size=image_size, operations=operations, language=language)
    if isinstance(images, Sequence) and not images:
        return shown
    if image_size is not None:
        raise InputError("--image and --image-size: choose one; images go through at the classifier's own size")
    from resnets.looking import looked_into  # torch, which images alone need

    given = [*networks, *([compare] if compare is not None else [])]
    return shown.with_live(looked_into(shown, given, images, device=device, watch=watch))
