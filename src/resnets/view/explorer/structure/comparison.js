// What two networks differ in: every pair in words and costs, the costs of each stage, and what the specs say otherwise.

import { aligned, localName, statusOf } from "./alignment.js";
import { partDifferences } from "./parts.js";
import { say } from "../words.js";

/** @typedef {import("./alignment.js").Aligned} Aligned */
/** @typedef {import("./alignment.js").Change} Change */
/** @typedef {import("./alignment.js").Status} Status */
/** @typedef {import("./spec.js").Spec} Spec */
/** @typedef {import("../data.js").Network} Network */
/** @typedef {import("../data.js").Operation} Operation */
/**
 * @typedef {{ parameters: number, macs: number, activation_bytes: number }} Deltas the second network's numbers less the first's
 * @typedef {{ stage: string, status: Status, first: string | null, second: string | null, words: string, deltas: Deltas }} Pair
 * @typedef {{ stage: string, deltas: Deltas }} StageDeltas stage: stem, stage 1 ... head
 * @typedef {{ first: string, second: string, pairs: Pair[], stages: StageDeltas[], total: Deltas, spec: string[], words: string[] }} Comparison
 */

/** Two networks, aligned; changes and deltas read from the first to the second. @param {Network} first @param {Network} second @returns {Comparison} */
export function compareNetworks(first, second) {
  /** @type {Map<string, Deltas>} */
  const stages = new Map();
  const pairs = aligned(first.operations, second.operations).map((pair) => {
    const { stage } = /** @type {Operation} */ (pair.first ?? pair.second);
    const deltas = deltasOf(pair);
    const before = stages.get(stage.label);
    stages.set(stage.label, before ? together(before, deltas) : deltas);
    return {
      stage: stage.label, status: statusOf(pair), first: pair.first?.name ?? null, second: pair.second?.name ?? null, deltas,
      get words() { return describePair(pair); },
    };
  });
  return {
    first: first.name, second: second.name, pairs,
    stages: [...stages].map(([stage, deltas]) => ({ stage, deltas })),
    total: [...stages.values()].reduce(together, { parameters: 0, macs: 0, activation_bytes: 0 }),
    spec: specChanges(first.spec, second.spec),
    get words() { return partDifferences(first.spec, second.spec); },
  };
}

/** What is marked in a pair, in words: `kernel 7 → 3; channels out 64 → 32`. Empty where nothing is. @param {Aligned} pair */
export function describePair({ first, second, changes }) {
  const only = second === null ? first : first === null ? second : null;
  const parts = only ? [operationWords(only, changes.length === 0)] : []; // a stride that moved is said by the move
  return [...parts, ...changes.map(changeWords)].join(say.structure.semicolon);
}

/** The fields in which two specs differ, as text: `stem.widths: [64] → [32, 32, 64]`. @param {Spec} first @param {Spec} second */
export function specChanges(first, second) {
  const after = new Map(fieldsOf(second));
  return fieldsOf(first).filter(([name, value]) => value !== after.get(name)).map(([name, value]) => `${name}: ${value} → ${after.get(name)}`);
}

/** @param {Change} change */
function changeWords({ attribute, first, second, moved }) {
  const words = say.structure;
  if (moved) return words.moved(moved[0].stride, ...(/** @type {[string, string]} */ (moved.map((one) => words.who(localName(one), windowWords(one))))));
  const shown = (/** @type {number | string | null} */ value) => (typeof value === "string" ? say.operations.kind(value) : String(value));
  return words.change(words.attributes[attribute], shown(first), shown(second));
}

/** `3×3 conv`, `2×2 avg-pool`; the bare kind where there is no window. @param {Operation} one */
function windowWords(one) {
  const kind = say.operations.kind(one.kind);
  return ["conv", "max-pool", "avg-pool", "blur"].includes(one.kind) ? say.structure.window(one.kernel, kind) : kind;
}

/** `3×3 conv, 128 → 128 channels, stride 2, 32 groups` @param {Operation} one @param {boolean} stride whether to say it */
function operationWords(one, stride) {
  const words = say.structure;
  return [
    windowWords(one),
    words.channels([...new Set([one.input[0], one.output[0]])].join(" → ")),
    ...(stride && one.stride > 1 ? [say.operations.stride(one.stride)] : []),
    ...(one.dilation > 1 ? [say.operations.dilation(one.dilation)] : []),
    ...(one.groups > 1 && one.kind !== "blur" ? [say.operations.groups(one.groups)] : []),
  ].join(words.comma);
}

/** What the second operation costs less what the first does; an absent one costs nothing. @param {Aligned} pair @returns {Deltas} */
function deltasOf({ first, second }) {
  const less = (/** @type {"parameters" | "macs" | "bytes"} */ cost) => (second?.[cost] ?? 0) - (first?.[cost] ?? 0);
  return { parameters: less("parameters"), macs: less("macs"), activation_bytes: less("bytes") };
}

/** @param {Deltas} one @param {Deltas} other @returns {Deltas} */
function together(one, other) {
  return {
    parameters: one.parameters + other.parameters, macs: one.macs + other.macs, activation_bytes: one.activation_bytes + other.activation_bytes,
  };
}

/** A spec's fields as Python's json module writes them. @param {Spec} spec @returns {[name: string, text: string][]} */
function fieldsOf(spec) {
  return Object.entries(spec).flatMap(([name, value]) =>
    name === "stem" ? Object.entries(spec.stem).map(([part, own]) => /** @type {[string, string]} */ ([`stem.${part}`, asPython(own)]))
      : [/** @type {[string, string]} */ ([name, name === "dropout" ? asFloat(Number(value)) : asPython(value)])]);
}

/** @param {unknown} value */
function asPython(value) {
  return JSON.stringify(value).replaceAll(",", ", ");
}

/** @param {number} value from 0 to below 1 */
function asFloat(value) {
  if (value === 0) return "0.0";
  return value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : String(value);
}
