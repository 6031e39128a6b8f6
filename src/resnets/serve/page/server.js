// Answers from the server that this page came from.

/** @typedef {import("./types.js").Backend} Backend */

const BUSY = 503;
const PATIENCE = 60; // times that a busy server is asked again

/** A key is missing or wrong. */
export class NeedsKey extends Error {}

let key = "";

/** @param {string} given */
export function useKey(given) {
  key = given;
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function ask(path, options = {}) {
  const headers = key ? { Authorization: `Bearer ${key}` } : undefined;
  for (let attempt = 0; ; attempt += 1) {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch {
      throw new Error("The server can't be reached.");
    }
    const said = await answer.json().catch(() => ({ error: `status ${answer.status}` }));
    if (answer.ok) return said;
    if (answer.status === 401) throw new NeedsKey(said.error);
    if (answer.status !== BUSY || attempt >= PATIENCE) throw new Error(said.error);
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise(done => setTimeout(done, 1000 * seconds));
  }
}

/** @type {Backend} */
export const server = {
  atOnce: 4,
  about: () => ask("/v1/classifiers"),
  explorer: card => (key ? null : `/explorer/${encodeURIComponent(card.name)}`), // a link can send no key,
  predict: async (file, card, wishes) => {
    const options = new URLSearchParams({ classifier: card.name });
    if (wishes.map) options.set("map_class", wishes.map);
    else if (wishes.map === null) options.set("map", "true");
    if (wishes.seen) options.set("seen", "true");
    try {
      return (await ask(`/v1/predict?${options}`, { method: "POST", body: await octets(file) })).predictions[0];
    } catch (error) {
      if (error instanceof NeedsKey) throw error;
      return { image: "", answers: [], sure: false, error: error instanceof Error ? error.message : String(error) };
    }
  },
};

/** The bytes without a type, so that the content alone says what they are. @param {Blob} file */
async function octets(file) {
  return new Blob([await file.arrayBuffer()]);
}
