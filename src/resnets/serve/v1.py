"""The addresses under /v1: images in, answers out; and which classifiers there are."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from resnets.serve import pictures
from resnets.serve.bodies import body_of, uploads
from resnets.serve.schemas import IMAGES, Predictions, errors
from resnets.serve.service import Service, Wishes

Name = Annotated[str | None, Query(description="Which classifier; by default the first.", max_length=200)]


def routes(service: Service) -> APIRouter:
    """The addresses, answered by `service`."""
    router = APIRouter(prefix="/v1", tags=["images"])

    @router.post(
        "/predict", response_model=Predictions, openapi_extra=IMAGES,
        responses=errors(400, 401, 403, 404, 408, 413, 415, 421, 422, 503), summary="What is on images",
    )  # fmt: skip
    async def predict(
        request: Request,
        *,
        classifier: Name = None,
        top: Annotated[int, Query(ge=1, le=10_000, description="How many answers.")] = 5,
        probabilities: Annotated[bool, Query(description="Also all probabilities, in the classes' order.")] = False,
        map: Annotated[bool, Query(description="Also a class activation map.")] = False,  # noqa: A002 - the address has that name
        map_class: Annotated[str | None, Query(description="Whose map; by default the first answer's.")] = None,
        seen: Annotated[bool, Query(description="Also what the network saw, as a PNG.")] = False,
    ) -> JSONResponse:
        """Send an image's bytes, or several images as multipart/form-data.

        Of several images, one that can't be read has its `error` in its place. A single one that can't be read is
        answered with an error's status.
        """
        wishes = Wishes(
            top=top, probabilities=probabilities, map=map or map_class is not None, of_class=map_class, seen=seen
        )
        served = service.registry.get(classifier)
        service.check_room()
        async with body_of(request, service.limits, service.ledger) as body:
            images = uploads(request.headers.get("content-type", ""), body, service.limits)
            request.state.images = len(images)
            found = await service.predictions(served, images, wishes)
        return JSONResponse({"classifier": served.name, "predictions": found})

    @router.get("/classifiers", responses=errors(401, 403, 421), summary="The classifiers and what to know of them")
    async def classifiers() -> JSONResponse:
        limits = service.limits
        return JSONResponse(
            {
                "classifiers": [service.registry.get(name).card for name in service.registry.names()],
                "limits": {"body": limits.body, "pixels": limits.pixels, "images": limits.images},
                "formats": list(pictures.accepted()),
            }
        )

    return router
