// The page that computes by itself.

import { start } from "./app.js";
import { byId } from "./dom.js";
import { local } from "./local.js";

async function openLocal() {
  try {
    const backend = await local();
    // For whoever checks this page: an image file in base64, and what comes of it.
    const file = (/** @type {string} */ text) => new Blob([Uint8Array.from(atob(text), one => one.charCodeAt(0))]);
    const [card] = (await backend.about()).classifiers;
    Object.assign(globalThis, {
      resnets: {
        probabilities: (/** @type {string} */ text) => backend.probabilities(file(text)).catch(String),
        pixels: (/** @type {string} */ text, /** @type {any} */ how, /** @type {number[]} */ frame) =>
          backend.pixels(file(text), how, frame),
        predict: (/** @type {Blob} */ given, /** @type {any} */ wishes) => backend.predict(given, card, wishes),
      },
    });
    await start(backend);
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    byId("lede").textContent = `This browser can't run the classifier: ${told} Use a newer one.`;
    document.documentElement.dataset.failed = told;
  }
}

void openLocal();
