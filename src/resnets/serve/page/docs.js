// The server's own description, as a page.

import { byId, element } from "./dom.js";

/** @param {any} operation */
function options(operation) {
  const rows = (operation.parameters ?? []).filter((/** @type {any} */ one) => one.in === "query");
  if (!rows.length) return [];
  const head = ["option", "default", "meaning"].map(name => element("th", { scope: "col" }, [name]));
  const body = rows.map((/** @type {any} */ one) =>
    element("tr", {}, [
      element("th", { scope: "row" }, [element("code", {}, [one.name])]),
      element("td", {}, [String(one.schema.default ?? "–")]),
      element("td", {}, [one.description ?? one.schema.description ?? ""]),
    ]),
  );
  return [element("table", {}, [element("thead", {}, [element("tr", {}, head)]), element("tbody", {}, body)])];
}

/** @param {any} operation */
function examples(operation) {
  const samples = (operation["x-codeSamples"] ?? []).map((/** @type {any} */ one) =>
    one.source.replaceAll("http://127.0.0.1:8000", location.origin),
  );
  const sent = operation.requestBody?.content?.["application/json"]?.example;
  const back = operation.responses?.["200"]?.content?.["application/json"]?.example;
  const texts = [...samples, ...[sent, back].filter(Boolean).map(one => JSON.stringify(one))];
  return texts.map(text => element("pre", { tabindex: "0" }, [element("code", {}, [text])]));
}

/** @param {any} operation */
function statuses(operation) {
  const rows = Object.entries(operation.responses ?? {}).filter(([status, one]) => Number(status) >= 400 && /** @type {any} */ (one).description !== "Validation Error");
  if (!rows.length) return [];
  const words = rows.map(([status, one]) => `${status}: ${/** @type {any} */ (one).description}`).join(" ");
  return [element("p", { class: "small muted" }, [words])];
}

/** @param {string} path @param {string} method @param {any} operation */
function section(path, method, operation) {
  const title = [element("span", { class: "method" }, [method.toUpperCase()]), element("code", {}, [path])];
  return element("section", {}, [
    element("h2", {}, title),
    element("p", {}, [operation.summary ?? ""]),
    ...(operation.description ? [element("p", { class: "muted" }, [operation.description])] : []),
    ...options(operation),
    ...examples(operation),
    ...statuses(operation),
  ]);
}

async function open() {
  const found = await (await fetch("/openapi.json")).json();
  const sections = Object.entries(found.paths).flatMap(([path, methods]) =>
    Object.entries(/** @type {Record<string, any>} */ (methods)).map(([method, one]) => section(path, method, one)),
  );
  byId("content").replaceChildren(...sections);
  document.documentElement.dataset.ready = "true";
}

void open();
