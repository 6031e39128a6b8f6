"""What the addresses take and give, as OpenAPI describes it, with examples."""

from typing import Any

from pydantic import BaseModel, Field


class Answer(BaseModel):
    """One class and how probable the classifier holds it to be."""

    class_: str = Field(alias="class", examples=["daisy"])
    probability: float = Field(ge=0, le=1, examples=[0.93])


class Activation(BaseModel):
    """A class activation map: what each part of the image adds to the class's output."""

    class_: str = Field(alias="class", examples=["daisy"])
    values: list[list[float]] = Field(description="Rows from top to bottom of what the network saw.")


class Prediction(BaseModel):
    """What is on one image."""

    image: str = Field(examples=["garden.jpg"])
    answers: list[Answer]
    sure: bool = Field(description="False: the first answer is below the classifier's threshold.")
    error: str | None = Field(description="Why the image could not be read.")
    code: str | None = Field(default=None, description="Of the error, for programs.")
    probabilities: list[float] | None = Field(default=None, description="Of all classes, in the classifier's order.")
    map: Activation | None = None
    seen: str | None = Field(default=None, description="What the network saw: a data: address of a PNG.")


class Predictions(BaseModel):
    """The answers to a request, in the order of its images."""

    classifier: str = Field(examples=["flowers"])
    predictions: list[Prediction]


class Error(BaseModel):
    """Why a request is not answered."""

    error: str = Field(examples=["the body has more than 33,554,432 bytes; send less, or fewer images"])
    code: str = Field(examples=["too_large"])
    request_id: str = Field(examples=["3f9c1d7e8a5b2046"])


_WHY = {
    400: "The request is malformed, or an option has no such value.",
    401: "The bearer key is missing or wrong.",
    403: "A web page of another origin asks.",
    404: "There is no such classifier or address.",
    408: "The body came too slowly.",
    409: "Only an exported file of the classifier is served.",
    413: "Too many bytes, pixels or images.",
    415: "No image that is accepted, by its content; or a compressed body.",
    421: "The server is called by a foreign name.",
    422: "The image is damaged.",
    503: "Too much to do; Retry-After says when to try again.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of these statuses."""
    return {status: {"model": Error, "description": _WHY[status]} for status in statuses}


_SENT: dict[str, Any] = {
    "required": True,
    "content": {
        "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"images": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
    },
}

IMAGES: dict[str, Any] = {
    "requestBody": _SENT,
    "x-codeSamples": [
        {
            "lang": "sh",
            "source": "curl --data-binary @garden.jpg -H 'Content-Type: image/jpeg' 'http://127.0.0.1:8000/v1/predict?top=3'",
        },
        {
            "lang": "sh",
            "source": "curl -F images=@a.jpg -F images=@b.png 'http://127.0.0.1:8000/v1/predict?map=true'",
        },
    ],
}

INSIDE: dict[str, Any] = {
    "requestBody": _SENT,
    "x-codeSamples": [
        {"lang": "sh", "source": "curl -F images=@garden.jpg -o garden.html http://127.0.0.1:8000/explorer/flowers"}
    ],
}

PAGE: dict[int | str, dict[str, Any]] = {200: {"description": "The page.", "content": {"text/html": {}}}}

TENSORS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "inputs": [
                        {"name": "images", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [0, 64, 128, 255] * 3}
                    ]
                },
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}

TENSOR_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The probabilities.",
        "content": {
            "application/json": {
                "example": {
                    "model_name": "flowers", "model_version": "1",
                    "outputs": [
                        {"name": "probabilities", "datatype": "FP32", "shape": [1, 2], "data": [0.93, 0.07]}
                    ],
                }
            }
        },
    }
}  # fmt: skip
