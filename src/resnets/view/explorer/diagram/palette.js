// The colours of the diagram by what they are for: light, dark, and on paper. They are Python's, from the page's data.

/** @typedef {Record<string, string>} Colours */
/** @typedef {{ light: Colours, dark: Colours, print: Colours }} Palette */

export const DIAGRAM_SCOPE = "resnets-diagram";

/** @type {Palette} */
export const diagramPalette = { light: {}, dark: {}, print: {} };

/** Lets diagrams be painted in these colours. @param {Palette} palette */
export function paintWith(palette) {
  Object.assign(diagramPalette, palette);
}

/** The style sheet: custom properties, which a page around the drawing may set, and what is painted with them. */
export function diagramStyle() {
  const paints = Object.keys(diagramPalette.light).map((name) =>
    `.${DIAGRAM_SCOPE} .fill-${name}{fill:var(--resnets-${name})}.${DIAGRAM_SCOPE} .stroke-${name}{stroke:var(--resnets-${name})}`).join("");
  return [
    `@media all{${paintProperties(diagramPalette.light)}`,
    `${paints}}`,
    `@media (prefers-color-scheme: dark){${paintProperties(diagramPalette.dark)}}`,
    `@media print{${paintProperties(diagramPalette.print)}}`,
  ].join("\n");
}

/** @param {Colours} colours */
function paintProperties(colours) {
  return `.${DIAGRAM_SCOPE}{${Object.entries(colours).map(([name, colour]) => `--resnets-${name}:${colour}`).join(";")}}`;
}
