// What is on screen as an SVG file that looks the same by itself.

/**
 * Offers the canvas's drawing as a download.
 * @param {HTMLElement} canvas
 * @param {string} name
 */
export function saveDrawing(canvas, name) {
  const drawing = canvas.querySelector("svg");
  if (!drawing) return;
  const blob = new Blob([standalone(drawing)], { type: "image/svg+xml" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/**
 * The drawing's source with the styles it has on screen written into it.
 * @param {SVGSVGElement} drawing
 */
export function standalone(drawing) {
  const copy = /** @type {SVGSVGElement} */ (drawing.cloneNode(true));
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  copies.forEach((element, index) => {
    const style = getComputedStyle(originals[index]);
    for (const property of ["fill", "stroke", "stroke-width", "font-size", "font-weight", "opacity", "fill-opacity"]) {
      element.setAttribute(property, style.getPropertyValue(property));
    }
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", "system-ui, sans-serif");
  const { width, height } = drawing.viewBox.baseVal;
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}
