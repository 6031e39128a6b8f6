// The answers as a table for a spreadsheet.

/** @typedef {import("./types.js").Item} Item */

/**
 * One cell. A text that a spreadsheet would take for a formula is marked as text.
 * @param {string | number} value
 */
export function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Rows as `resnets predict --csv` has them, for the first three answers.
 * @param {Item[]} items
 */
export function csv(items) {
  const most = Math.min(3, Math.max(1, ...items.map(item => item.row?.answers.length ?? 0)));
  const head = ["image"];
  for (let place = 1; place <= most; place += 1) head.push(`class_${place}`, `probability_${place}`);
  const rows = items.map(item => {
    const row = /** @type {(string | number)[]} */ ([item.name]);
    for (let place = 0; place < most; place += 1) {
      const answer = item.row?.answers[place];
      row.push(answer?.class ?? "", answer ? answer.probability.toFixed(6) : "");
    }
    return [...row, item.row?.error ?? "", String(item.row?.sure ?? false)];
  });
  return [[...head, "error", "sure"], ...rows].map(row => row.map(cell).join(",") + "\r\n").join("");
}

/** @param {string} name @param {string} text */
export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
