"""The open inference protocol (KServe v2), which Triton's clients speak, and its addresses to read a model again."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response

from resnets.evaluation import calibration
from resnets.serve import tensors
from resnets.serve.bodies import body_of
from resnets.serve.limits import Refused
from resnets.serve.schemas import TENSOR_ANSWER, TENSORS, errors
from resnets.serve.service import Service

EXTENSIONS = ["binary_tensor_data", "classification", "model_repository"]
Model = Annotated[str, Path(max_length=200)]


def routes(service: Service, *, key: str | None) -> APIRouter:
    """The addresses, answered by `service`. key: without one, no model can be read again from here."""
    router = APIRouter(prefix="/v2", tags=["open inference protocol"])

    @router.get("", summary="The server")
    async def server() -> JSONResponse:
        return JSONResponse({"name": "resnets", "version": "2", "extensions": EXTENSIONS})

    @router.get("/health/live", summary="Whether the process runs")
    async def live() -> JSONResponse:
        return JSONResponse({"live": True})

    _models(router, service)
    _inference(router, service)
    _repository(router, service, key)
    return router


def _models(router: APIRouter, service: Service) -> None:
    @router.get("/models/{name}", responses=errors(404), summary="What a model reads and gives")
    @router.get("/models/{name}/versions/{version}", include_in_schema=False)
    async def metadata(request: Request, name: Model) -> JSONResponse:
        _check_version(request)
        return JSONResponse(tensors.metadata(service.registry.get(name)))

    @router.get("/models/{name}/ready", responses=errors(404), summary="Whether a model answers")
    @router.get("/models/{name}/versions/{version}/ready", include_in_schema=False)
    async def ready(request: Request, name: Model) -> JSONResponse:
        _check_version(request)
        return JSONResponse({"name": service.registry.get(name).name, "ready": True})


def _inference(router: APIRouter, service: Service) -> None:
    @router.post(
        "/models/{name}/infer", openapi_extra=TENSORS, summary="Probabilities for pixels",
        responses=TENSOR_ANSWER | errors(400, 401, 403, 404, 408, 413, 415, 421, 503),
    )  # fmt: skip
    @router.post("/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: Model) -> Response:
        """Send pixels as the network reads them: uint8, N x height x width x channels, as JSON or binary."""
        _check_version(request)
        served = service.registry.get(name)
        service.check_room()
        async with body_of(request, service.limits, service.ledger) as body:
            length = request.headers.get(tensors.HEADER_LENGTH)
            asked = tensors.question(body, length, served, service.limits.images)
            request.state.images = len(asked.pixels)
            with service.admitted(len(asked.pixels)):
                async with service.in_time():
                    logits = await service.outputs(served, asked.pixels)
        probabilities = calibration.probabilities(logits, served.predictor.temperature)
        content, head = tensors.answer(served, asked.id, probabilities, asked.wanted)
        if head is None:
            return Response(content, media_type="application/json")
        return Response(content, headers={tensors.HEADER_LENGTH: str(head)}, media_type="application/octet-stream")


def _repository(router: APIRouter, service: Service, key: str | None) -> None:
    @router.post("/repository/index", summary="All models")
    async def index() -> JSONResponse:
        rows: list[dict[str, Any]] = [
            {"name": name, "version": "1", "state": "READY", "reason": ""} for name in service.registry.names()
        ]
        return JSONResponse(rows)

    @router.post(
        "/repository/models/{name}/load", responses=errors(401, 403, 404), summary="Read a model again from its file"
    )
    async def load(name: Model) -> JSONResponse:
        """Only on a server with a key. Requests that are being answered keep the model that they began with."""
        if key is None:
            raise Refused(403, "needs_key", "this needs a server that was started with --key-file; or send it SIGHUP")
        await service.registry.reload(name)
        service.metrics.reloads.labels(name).inc()
        return JSONResponse({})


def _check_version(request: Request) -> None:
    if request.path_params.get("version", "1") != "1":
        raise Refused(404, "no_such_version", "there is only version 1 of a model")
