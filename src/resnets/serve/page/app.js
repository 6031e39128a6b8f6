// The page: images in, answers out, by whatever backend answers.

import { listen } from "./adding.js";
import { showCard } from "./card.js";
import { csv, save } from "./csv.js";
import { byId, element, percent } from "./dom.js";
import { draw, show } from "./picture.js";

/** @typedef {import("./types.js").Backend} Backend */
/** @typedef {import("./types.js").Card} Card */
/** @typedef {import("./types.js").Item} Item */
/** @typedef {import("./types.js").Row} Row */

const TINY = 64; // pixels up to which an image is shown as squares

/** @type {Backend} */
let backend;
/** @type {Card} */
let card;
/** @type {Item[]} */
let items = [];
/** @type {Item | null} */
let chosen = null;
/** @type {Item[]} */
let waiting = [];
let running = 0;
let shownBefore = 0; // counts what is shown, so that a late answer doesn't replace a newer one

/** @param {Backend} from */
export async function start(from) {
  backend = from;
  const about = await backend.about();
  const select = byId("classifier");
  select.replaceChildren(...about.classifiers.map(one => element("option", { value: one.name }, [one.name])));
  byId("chooser").hidden = about.classifiers.length < 2;
  byId("accepted").textContent = `${about.formats.join(", ")}`;
  use(about.classifiers[0]);
  select.addEventListener("change", () => {
    use(about.classifiers.find(one => one.name === select.value) ?? about.classifiers[0]);
    again();
  });
  listen(add);
  byId("strength").addEventListener("input", draw);
  byId("csv").addEventListener("click", () => save(`${card.name}.csv`, csv(items)));
  byId("clear").addEventListener("click", clear);
  document.documentElement.dataset.ready = "true";
}

/** @param {Card} one */
function use(one) {
  card = one;
  const all = card.classes.length <= 6;
  const some = card.classes.slice(0, all ? -1 : 4).join(", ");
  const more = all ? card.classes.at(-1) : `${(card.classes.length - 4).toLocaleString("en")} more`;
  byId("lede").textContent = `${card.name} tells apart ${some} and ${more}.`;
  showCard(card);
}

/** Ask anew about everything. */
function again() {
  for (const item of items) item.row = null;
  waiting = [...items];
  list();
  if (items.length) void work();
  if (chosen) void choose(chosen);
}

/** @param {File[]} files */
function add(files) {
  const fresh = files.map(file => ({ name: file.name || "pasted image", file, url: URL.createObjectURL(file), row: null }));
  if (!fresh.length) return;
  items.push(...fresh);
  waiting.push(...fresh.slice(1)); // the first one is shown, and so asked about
  byId("drop").classList.add("small");
  list();
  void choose(fresh[0]);
  void work();
}

function clear() {
  for (const item of items) URL.revokeObjectURL(item.url);
  [items, waiting, chosen] = [[], [], null];
  byId("shown").hidden = true;
  byId("drop").classList.remove("small");
  list();
  say("");
  byId("pick").focus();
}

/** @param {string} text @param {boolean} [bad] */
function say(text, bad = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
}

/** Ask about what waits, a few at a time. */
async function work() {
  while (waiting.length && running < backend.atOnce) {
    const item = /** @type {Item} */ (waiting.shift());
    if (item.row) continue;
    running += 1;
    void ask(item, {}).then(row => {
      item.row ??= row;
      running -= 1;
      tell();
      update(item);
      void work();
    });
  }
}

/**
 * @param {Item} item
 * @param {{map?: string | null, seen?: boolean}} wishes
 * @returns {Promise<Row>}
 */
async function ask(item, wishes) {
  const of = card;
  try {
    const row = await backend.predict(item.file, of, wishes);
    return { ...row, image: item.name };
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    say(told, true);
    return { image: item.name, answers: [], sure: false, error: told };
  }
}

function tell() {
  const done = items.filter(item => item.row).length;
  if (items.length > 1) say(done < items.length ? `${done} of ${items.length} done` : `All ${items.length} images are done.`);
}

/** @param {Item} item @param {string | null} [of] whose map */
async function choose(item, of = null) {
  chosen = item;
  shownBefore += 1;
  const mine = shownBefore;
  mark();
  byId("shown").hidden = false;
  byId("shown-title").textContent = item.name;
  if (!item.row) {
    byId("verdict").textContent = "…";
    byId("answers").replaceChildren();
  }
  const row = await ask(item, { map: card.maps ? of : undefined, seen: true });
  item.row = row;
  tell();
  update(item);
  if (mine !== shownBefore) return;
  answer(item, row);
  const address = row.seen ?? item.url;
  try {
    await show(address, row.map, card.size <= TINY && Boolean(row.seen));
  } catch {
    byId("picture").width = byId("picture").width; // a kind that the browser can't draw
  }
}

/** @param {Item} item @param {Row} row */
function answer(item, row) {
  const verdict = byId("verdict");
  const [first] = row.answers;
  verdict.className = row.error ? "lede failed" : row.sure ? "lede" : "lede unsure";
  if (row.error) verdict.textContent = row.error;
  else if (row.sure) verdict.replaceChildren(first.class, element("span", { class: "muted" }, [` ${percent(first.probability)}`]));
  else verdict.replaceChildren("Not sure", element("small", {}, [
    `Most likely ${first.class}, but ${percent(first.probability)} is below this classifier's threshold of ${percent(card.abstain_below)}.`,
  ]));
  byId("slide").hidden = !row.map;
  byId("no-map").hidden = card.maps || Boolean(row.error);
  if (row.map) byId("map-class").textContent = row.map.class;
  byId("answers").replaceChildren(...row.answers.map(one => choice(item, row, one)));
  const described = row.error ? `${item.name}: ${row.error}` : `${item.name}, as the network saw it`;
  byId("picture").setAttribute("aria-label", row.map ? `${described}, with what spoke for ${row.map.class}` : described);
  byId("links").replaceChildren(...explorers(item, row));
}

/**
 * What leads to the explorer of the network: with the image inside, and as it is.
 * @param {Item} item
 * @param {Row} row
 */
function explorers(item, row) {
  const explorer = backend.explorer(card);
  if (!explorer) return [];
  const link = element("a", { href: explorer, target: "_blank", rel: "noopener" }, ["Explore this network layer by layer"]);
  if (!card.activations || row.error) return [link];
  const file = element("input", { type: "file", name: "images", hidden: true });
  const data = new DataTransfer();
  data.items.add(new File([item.file], item.name));
  file.files = data.files;
  const button = element("button", { type: "submit" }, ["Look inside the network with this image"]);
  const sends = { method: "post", action: `${explorer}#view=image`, enctype: "multipart/form-data", target: "_blank", rel: "noopener" };
  return [element("form", sends, [file, button]), link];
}

/**
 * One answer: a button that shows its map, where there are maps.
 * @param {Item} item
 * @param {Row} row
 * @param {import("./types.js").Answer} one
 */
function choice(item, row, one) {
  const parts = [
    element("span", { class: "name" }, [one.class]),
    element("span", { class: "percent" }, [percent(one.probability)]),
    element("progress", { max: "1", value: String(one.probability), "aria-hidden": "true" }),
  ];
  if (!card.maps) return element("li", {}, [element("div", { class: "answer" }, parts)]);
  const pressed = row.map?.class === one.class;
  const button = element("button", { type: "button", "aria-pressed": String(pressed), title: `Show what spoke for ${one.class}` }, parts);
  button.addEventListener("click", async () => {
    await choose(item, one.class);
    const place = row.answers.findIndex(other => other.class === one.class);
    byId("answers").querySelectorAll("button")[place]?.focus();
  });
  return element("li", {}, [button]);
}

/** The grid of all images, where there are several. */
function list() {
  byId("batch").hidden = !items.length;
  byId("batch-title").textContent = items.length === 1 ? "One image" : `All ${items.length} images`;
  byId("grid").replaceChildren(...items.map(tile));
  mark();
}

/** @param {Item} item */
function tile(item) {
  const image = element("img", { src: item.url, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(element("span", { class: "blank" })), { once: true });
  const button = element("button", { type: "button", "aria-pressed": "false" }, [image, ...said(item)]);
  button.addEventListener("click", () => {
    void choose(item);
    byId("shown").scrollIntoView({ block: "nearest" });
  });
  return element("li", {}, [button]);
}

/** @param {Item} item */
function said(item) {
  const row = item.row;
  const file = element("span", { class: "file" }, [item.name]);
  if (!row) return [element("span", { class: "said muted" }, [element("span", {}, ["waiting"])]), file];
  if (row.error) return [element("span", { class: "said failed", title: row.error }, [element("span", {}, [row.error])]), file];
  const [first] = row.answers;
  const name = element("span", {}, [row.sure ? first.class : "not sure"]);
  const shown = [name, element("span", { class: "percent" }, [percent(first.probability)])];
  return [element("span", { class: row.sure ? "said" : "said unsure" }, shown), file];
}

/** @param {Item} item */
function update(item) {
  const button = byId("grid").children[items.indexOf(item)]?.firstChild;
  if (button) button.replaceChildren(button.firstChild, ...said(item));
}

/** Mark the image that is shown. */
function mark() {
  items.forEach((item, place) => {
    byId("grid").children[place]?.firstChild.setAttribute("aria-pressed", String(item === chosen));
  });
}
