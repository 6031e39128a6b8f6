// Elements by their ids, and new ones.

/** @param {string} id @returns {any} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/**
 * A new element. Text is only ever text, so nothing that a file or a class is called can become a tag.
 * @param {string} tag
 * @param {Record<string, string | boolean | undefined>} [attributes]
 * @param {(Node | string)[]} [children]
 * @returns {any}
 */
export function element(tag, attributes = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** @param {number} probability */
export function percent(probability) {
  if (probability > 0.9995 && probability < 1) return "> 99.9%";
  if (probability < 0.0005 && probability > 0) return "< 0.1%";
  return `${(100 * probability).toFixed(1)}%`;
}
