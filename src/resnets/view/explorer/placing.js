// Putting views in their places: how wide they may be, what keeps the focus, how far a table stays scrolled.

/** How wide a drawing may be in the canvas, in pixels. @param {HTMLElement} canvas */
export function roomOf(canvas) {
  const style = getComputedStyle(canvas);
  return Math.max(280, Math.floor(canvas.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight)));
}

/** A selector that finds an element again after the views are drawn anew. @param {Element | null} element */
export function focusKey(element) {
  const name = ["data-key", "data-stage"].find((one) => element?.hasAttribute(one));
  return name ? `button[${name}="${CSS.escape(element?.getAttribute(name) ?? "")}"], input[${name}="${CSS.escape(element?.getAttribute(name) ?? "")}"]` : "";
}

/** @param {string} selector as `focusKey` gives it */
export function focusAgain(selector) {
  if (selector && document.activeElement === document.body) /** @type {HTMLElement | null} */ (document.querySelector(selector))?.focus({ preventScroll: true });
}

/**
 * Puts a table in its place, scrolled as far as the one before it was, or to its selected row.
 * @param {HTMLElement} place
 * @param {HTMLElement} content
 */
export function refill(place, content) {
  const before = place.querySelector(".scroll")?.scrollTop ?? 0;
  place.replaceChildren(content);
  const box = place.querySelector(".scroll");
  const row = /** @type {HTMLElement | null} */ (place.querySelector("tr.current"));
  if (!box || !row) return;
  box.scrollTop = before;
  const top = row.offsetTop - box.scrollTop;
  if (top < 40 || top + row.offsetHeight > box.clientHeight) box.scrollTop = row.offsetTop - box.clientHeight / 3;
}
