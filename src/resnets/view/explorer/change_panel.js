// The band with the sliders: made once for a network, so that a slider that is being dragged stays under the finger.

import { controlsOf, fromText, toText, toToml } from "./change.js";
import { html, memory, short, signed } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./data.js").Network} Network */
/** @typedef {import("./change.js").Control} Control */
/** @typedef {import("./change.js").Setting} Setting */
/** @typedef {{ change: (text: string) => void, close: () => void }} Asks */

export class ChangePanel {
  /** @param {Asks} asks */
  constructor(asks) {
    this.asks = asks;
    this.element = html("section", { class: "change" });
    this.made = ""; // for which network, in which language
    /** @type {{ control: Control, field: HTMLInputElement | HTMLSelectElement, told: HTMLElement, values: (string | number)[] }[]} */
    this.rows = [];
    this.text = "";
    this.totals = html("p", { class: "strong", "data-field": "totals" });
    this.deltas = html("p", { class: "small", "data-field": "deltas" });
    this.trouble = html("p", { class: "trouble", role: "alert" });
  }

  /**
   * @param {Network} base as published
   * @param {Network} now as changed
   * @param {string} text the change, as the address has it
   * @param {string} trouble why such a network can't be, if it can't
   */
  follow(base, now, text, trouble) {
    if (this.made !== `${base.name} ${say.page.code}`) this.make(base);
    this.text = text;
    const setting = fromText(text, base);
    for (const { control, field, told, values } of this.rows) {
      const value = control.read(setting, base);
      const at = values.map(String).indexOf(String(value));
      field.value = control.slides ? String(at) : String(value);
      if (control.slides) [told.textContent, field.ariaValueText] = [control.words(value), control.words(value)];
    }
    this.totals.textContent = say.change.totals(now.depth, short(now.parameters), short(now.macs), memory(now.bytes));
    const moved = say.change.against(base.name, signed(now.parameters - base.parameters), signed(now.macs - base.macs));
    this.deltas.textContent = text && !trouble ? moved : trouble ? "" : say.change.same(base.name);
    this.trouble.textContent = trouble;
  }

  /** @param {Network} base */
  make(base) {
    this.made = `${base.name} ${say.page.code}`;
    this.rows = controlsOf(base.spec).map((control) => this.row(control, base));
    const button = (/** @type {string} */ label, /** @type {() => void} */ click) => html("button", { type: "button", click }, label);
    this.element.setAttribute("aria-label", say.change.title);
    this.element.replaceChildren(
      html("div", { class: "sliders" }, ...this.rows.map(({ control, field, told }) =>
        html("label", { class: control.slides ? "slider" : "choice" }, html("span", {}, control.label()), field, control.slides && told))),
      html("div", { class: "results" }, html("div", {}, this.totals, this.deltas, this.trouble), html("p", { class: "controls" },
        button(say.change.reset, () => this.asks.change("")), button(say.change.save, () => this.save(base)), button(say.change.close, () => this.asks.close()))),
    );
  }

  /** @param {Control} control @param {Setting} base */
  row(control, base) {
    const values = control.values(base);
    const set = (/** @type {string | number} */ value) => this.asks.change(toText(control.write(fromText(this.text, base), value, base), base));
    const told = html("output", {});
    const field = control.slides
      ? /** @type {HTMLInputElement} */ (html("input", { type: "range", min: 0, max: values.length - 1, name: control.name, input: () => set(values[Number(field.value)]) }))
      : /** @type {HTMLSelectElement} */ (html("select", { name: control.name, change: () => set(field.value) }, ...values.map((value) => html("option", { value }, control.words(value)))));
    return { control, field, told, values };
  }

  /** The changed network as a file that `resnets train` and `resnets show` take. @param {Network} base */
  save(base) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([toToml(fromText(this.text, base).spec)], { type: "application/toml" }));
    link.download = `${base.name}-changed.toml`;
    link.click();
    URL.revokeObjectURL(link.href);
    this.deltas.textContent = say.change.saved;
  }
}
