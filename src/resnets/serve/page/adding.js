// Ways to add images: picked, dropped, pasted, or taken by the camera.

import { byId } from "./dom.js";

/** @param {(files: File[]) => void} add */
export function listen(add) {
  byId("pick").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", () => {
    add([...byId("files").files]);
    byId("files").value = "";
  });
  drops(add);
  document.addEventListener("paste", event => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) add(files);
  });
  camera(add);
}

/** Anywhere on the page. @param {(files: File[]) => void} add */
function drops(add) {
  let depth = 0;
  const mark = (/** @type {number} */ change) => {
    depth = Math.max(0, depth + change);
    byId("drop").classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", event => {
    event.preventDefault();
    mark(1);
  });
  document.addEventListener("dragleave", () => mark(-1));
  document.addEventListener("dragover", event => event.preventDefault());
  document.addEventListener("drop", event => {
    event.preventDefault();
    mark(-depth);
    add([...(event.dataTransfer?.files ?? [])]);
  });
}

/** @param {(files: File[]) => void} add */
function camera(add) {
  const [button, panel, video] = [byId("open-camera"), byId("camera"), byId("video")];
  if (!navigator.mediaDevices?.getUserMedia) {
    button.hidden = true;
    return;
  }
  /** @type {MediaStream | null} */
  let stream = null;
  let number = 0;
  const close = () => {
    stream?.getTracks().forEach(track => track.stop());
    stream = null;
    delete video.dataset.ready;
    panel.hidden = true;
    button.focus();
  };
  button.addEventListener("click", async () => {
    panel.hidden = false;
    byId("camera-error").textContent = "";
    byId("shoot").focus();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      await video.play();
      video.dataset.ready = "true";
    } catch {
      byId("camera-error").textContent = "The camera can't be used. Allow it in the browser, or choose an image instead.";
    }
  });
  byId("close-camera").addEventListener("click", close);
  panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") close();
  });
  byId("shoot").addEventListener("click", () => {
    if (!video.videoWidth) return;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.toBlob(blob => {
      number += 1;
      if (blob) add([new File([blob], `camera-${number}.png`, { type: "image/png" })]);
    }, "image/png");
    close();
  });
}
