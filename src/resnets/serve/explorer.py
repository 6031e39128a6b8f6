"""The explorer page of a classifier's network, alone or with what the network does with images inside.

A page comes with the hashes by which a browser may run its scripts.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache

from fastapi import APIRouter, Request
from fastapi.responses import Response

from resnets import spec_values
from resnets.catalog import Row
from resnets.classifier.file import Classifier
from resnets.looking import live_of
from resnets.serve import pictures
from resnets.serve.bodies import Upload, body_of, uploads
from resnets.serve.limits import Limits, Refused
from resnets.serve.schemas import INSIDE, PAGE, errors
from resnets.serve.served import Served
from resnets.serve.service import Service
from resnets.serve.settings import security_headers
from resnets.spec import ResNetSpec
from resnets.view.show import Shown, show

MOST = 2  # images of one page

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class Explorer:
    """The page, and its scripts' hashes as a content security policy writes them."""

    content: bytes
    script_hashes: tuple[str, ...]


def routes(service: Service) -> APIRouter:
    """The addresses, answered by `service`."""
    router = APIRouter(prefix="/explorer", tags=["explorer"])

    @router.get(
        "/{name}", response_class=Response, responses=PAGE | errors(401, 403, 404, 421),
        summary="A page about a classifier's network",
    )  # fmt: skip
    async def explore(name: str) -> Response:
        return _response(page_of(service.registry.get(name)))

    @router.post(
        "/{name}", response_class=Response, openapi_extra=INSIDE,
        responses=PAGE | errors(400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 503),
        summary="The page with what the network does with one or two images",
    )  # fmt: skip
    async def look_inside(name: str, request: Request) -> Response:
        """Send an image's bytes, or two images as multipart/form-data. One page is computed at a time."""
        served = service.registry.get(name)
        _inside_of(served)
        service.check_room()
        service.lone.check_free()
        limits = replace(service.limits, images=min(MOST, service.limits.images))
        async with body_of(request, limits, service.ledger) as body:
            images = uploads(request.headers.get("content-type", ""), body, limits)
            request.state.images = len(images)
            with service.admitted(len(images)):
                async with service.in_time():
                    found = await service.lone.call(lambda: page_with(served, images, limits))
        return _response(found)

    return router


def page_of(served: Served) -> Explorer:
    """The page about a network."""
    return _page(served.name, spec_values.from_dict(served.header["spec"]), served.predictor.preprocessing.size)


def page_with(served: Served, images: Sequence[Upload], limits: Limits) -> Explorer:
    """The page about a network with what it does with images. Raises Refused: 409, 413, 415 or 422."""
    classifier = _inside_of(served)
    seen = [(one.name, pictures.decoded(one.data, classifier.preprocessing, limits)) for one in images]
    shown = _shown(served.name, classifier.network.spec, classifier.preprocessing.size)
    own = replace(classifier, network=deepcopy(classifier.network))  # meanwhile others run the one that is served
    return _explorer(shown.with_live(live_of([(served.name, shown.networks[0][1], own)], seen)))


def _inside_of(served: Served) -> Classifier:
    """What computes activations. Raises Refused (409) where only an exported file is there."""
    if served.classifier is None:
        raise Refused(409, "only_exported", "an exported file can't be looked into; serve the classifier itself")
    return served.classifier


@lru_cache(maxsize=8)  # by what the page says: by the classifier, those that a reload replaced would be kept
def _page(name: str, spec: ResNetSpec, size: int) -> Explorer:
    return _explorer(_shown(name, spec, size))


def _shown(name: str, spec: ResNetSpec, size: int) -> Shown:
    return show(Row(name, spec, f"the classifier {name}", size))


def _explorer(shown: Shown) -> Explorer:
    content = str(shown.as_format("html")).encode()
    hashes = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in _SCRIPT.findall(content))
    return Explorer(content, tuple(f"'sha256-{one}'" for one in hashes))


def _response(found: Explorer) -> Response:
    headers = security_headers(extra_scripts=found.script_hashes, inline_styles=True)
    return Response(found.content, headers=headers, media_type="text/html; charset=utf-8")
