"""Servers that others would write for the same classifier: peers of `benchmarks.serve`."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What people write first: FastAPI, torch and Pillow.
PLAIN = """
import io, sys, torch, uvicorn, resnets
from fastapi import FastAPI, Request
from PIL import Image
import numpy as np

torch.set_num_threads(int(sys.argv[3]))
classifier = resnets.load(sys.argv[1])
app = FastAPI()

@app.post("/v1/predict")
async def predict(request: Request):
    body = await request.body()
    from starlette.concurrency import run_in_threadpool
    return await run_in_threadpool(answer, body)

def answer(body):
    image = Image.open(io.BytesIO(body)).convert("RGB").resize((256, 256)).crop((16, 16, 240, 240))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        logits = classifier.network((pixels - mean[:, None, None]) / std[:, None, None])
    values, places = logits.softmax(1)[0].topk(5)
    names = [classifier.classes[place] for place in places.tolist()]
    return [{"class": name, "probability": value} for name, value in zip(names, values.tolist())]

uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
"""

# The same as LitServe's own examples write it: a process for each core.
LITSERVE = """
import base64, io, sys, litserve, torch, resnets
from PIL import Image
import numpy as np

class Photographs(litserve.LitAPI):
    def setup(self, device):
        torch.set_num_threads(1)
        self.classifier = resnets.load(sys.argv[1])

    def decode_request(self, request):
        image = Image.open(io.BytesIO(base64.b64decode(request["image"])))
        image = image.convert("RGB").resize((256, 256)).crop((16, 16, 240, 240))
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        return (pixels - mean[:, None, None]) / std[:, None, None]

    def predict(self, pixels):
        with torch.inference_mode():
            return self.classifier.network(pixels).softmax(1)[0].topk(5)

    def encode_response(self, found):
        names = [self.classifier.classes[place] for place in found.indices.tolist()]
        return [{"class": name, "probability": value} for name, value in zip(names, found.values.tolist())]

if __name__ == "__main__":
    server = litserve.LitServer(Photographs(), accelerator="cpu", workers_per_device=int(sys.argv[3]))
    server.run(port=int(sys.argv[2]), generate_client_file=False, log_level="error")
"""


@contextmanager
def other(code: str, path: Path, threads: int) -> Iterator[int]:
    """Another server, and its port. threads: its last word."""
    port = 8765
    script = path.with_name("server.py")
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(script), str(path), str(port), str(threads)], start_new_session=True
    )
    try:
        _wait_for(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait_for(port: int) -> None:
    """Until a server listens. Raises TimeoutError when none does within two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"nothing listens at port {port}")
