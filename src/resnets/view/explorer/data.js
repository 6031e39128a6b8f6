// The page's data as Python wrote it: a spec for every network, which becomes a network when it is first looked at.

import { paintWith } from "./diagram/palette.js";
import { compareNetworks } from "./structure/comparison.js";
import { FAMILIES, familyOf } from "./structure/families.js";
import { buildNetwork } from "./structure/network.js";
import { withFields } from "./structure/spec.js";
import { say } from "./words.js";

/** @typedef {import("./structure/spec.js").Spec} Spec */
/** @typedef {import("./structure/spec.js").SpecBlock} SpecBlock */
/** @typedef {import("./structure/branch.js").Shape} Shape */
/** @typedef {import("./structure/branch.js").Numbers} Numbers */
/** @typedef {import("./structure/shortcuts.js").Look} Look */
/** @typedef {import("./structure/shortcuts.js").Option} Option */
/** @typedef {import("./structure/comparison.js").Comparison} Comparison */
/** @typedef {import("./structure/comparison.js").Pair} Pair */
/** @typedef {import("./structure/comparison.js").Deltas} Deltas */
/**
 * @typedef {Numbers & { name: string, index: number, stage: Stage, block: Block | null, branch: string, kind: string,
 *   windowed: boolean, input: Shape, output: Shape, norm: string, ofAttention: boolean, bytes: number,
 *   field: { size: number, jump: number, start: number } }} Operation windowed: whether it has a kernel or a stride
 * @typedef {Omit<SpecBlock, "stage"> & { name: string, stage: Stage, activated: boolean, look: Look, why: string,
 *   operations: Operation[], options: Option[] }} Block activated: whether its shortcut reads the activated input
 * @typedef {{ name: string, label: string, output: Shape, parameters: number, macs: number, bytes: number,
 *   blocks: Block[], operations: Operation[] }} Stage
 * @typedef {{ name: string, source: string, spec: Spec, depth: number, imageSize: [height: number, width: number],
 *   inChannels: number, parts: [name: string, words: string][], parameters: number, macs: number, fvcoreMacs: number,
 *   bytes: number, stages: Stage[], blocks: Block[], operations: Operation[],
 *   byName: Map<string, Operation | Block | Stage> }} Network
 * @typedef {{ top1: number, data: string, by: string }} Published the share of images that a network is published to get right
 * @typedef {{ name: string, source: string, spec: Spec, imageSize: [height: number, width: number], published: Published | null }} NamedSpec
 * @typedef {{ label: string, names: string[] }} Group
 * @typedef {{ networks: Networks, rows: Map<string, NamedSpec>, shown: string[], groups: () => Group[], language: import("./words.js").Language, live: any, fading: import("./depth.js").Fading,
 *   build: (name: string, source: string, spec: Spec, imageSize: [height: number, width: number]) => Network,
 *   compare: (first: string, second: string) => Comparison | undefined }} Model
 * rows: every network that can be named; groups: their names as a list shows them; build: a network of any spec
 */

/** Networks by name, each built when it is first asked for. */
class Networks {
  /** @param {Map<string, NamedSpec>} rows @param {Model["build"]} build */
  constructor(rows, build) {
    this.rows = rows;
    this.build = build;
    /** @type {Map<string, Network>} */
    this.built = new Map();
  }

  /** @param {string} name @returns {Network | undefined} */
  get(name) {
    const row = this.rows.get(name);
    if (row && !this.built.has(name)) this.built.set(name, this.build(name, row.source, row.spec, row.imageSize));
    return this.built.get(name);
  }

  /** @param {string} name */
  has(name) {
    return this.rows.has(name);
  }

  /** In the order in which a list shows them. */
  keys() {
    return this.rows.keys();
  }
}

/**
 * The model in the page's JSON. Throws where the JSON is cut or lacks something.
 * @param {string} text
 * @returns {Model}
 */
export function readModel(text) {
  const raw = JSON.parse(text);
  paintWith(raw.palette);
  const named = /** @type {NamedSpec[]} */ (raw.rows.map((/** @type {any[]} */ row) => unpackRow(row, raw.usual)));
  const found = new Map(named.map((row) => [row.name, row]));
  /** @type {string[]} */
  const shown = raw.shown;
  const others = named.filter((row) => !shown.includes(row.name));
  const families = FAMILIES.map((family) => ({ family, names: others.filter((row) => familyOf(row.spec) === family).map(({ name }) => name) }));
  const rows = new Map([...shown, ...families.flatMap(({ names }) => names)].map((name) => [name, /** @type {NamedSpec} */ (found.get(name))]));
  /** @type {Model["build"]} */
  const build = (name, source, spec, imageSize) => buildNetwork(name, source, spec, imageSize, { usual: raw.usual, strokes: raw.looks });
  const networks = new Networks(rows, build);
  return {
    networks, rows, shown, build, compare: comparing(networks),
    groups: () => [{ label: say.structure.shown, names: shown }, ...families.map(({ family, names }) => ({ label: say.structure.families[family], names }))],
    language: raw.language, live: raw.live ?? null, fading: raw.fading,
  };
}

/** @param {any[]} row @param {Spec} usual @returns {NamedSpec} */
function unpackRow([name, source, changes, size, published], usual) {
  const [top1, data, by] = published ?? [];
  return { name, source, spec: withFields(usual, changes), imageSize: Array.isArray(size) ? [size[0], size[1]] : [size, size], published: published && { top1, data, by } };
}

/** Gives the comparison of two of the networks, found when it is first asked for. @param {Networks} networks @returns {Model["compare"]} */
function comparing(networks) {
  /** @type {Map<string, Comparison>} */
  const found = new Map();
  return (first, second) => {
    const key = `${first}\n${second}`;
    if (!found.has(key) && first !== second && networks.has(first) && networks.has(second)) {
      found.set(key, compareNetworks(/** @type {Network} */ (networks.get(first)), /** @type {Network} */ (networks.get(second))));
    }
    return found.get(key);
  };
}

/**
 * A number of an operation's window, as text; empty where it moves none.
 * @param {Operation} operation
 * @param {"kernel" | "stride" | "padding" | "groups" | "dilation"} name
 */
export function ofWindow(operation, name) {
  return operation.windowed ? String(operation[name]) : "";
}

/**
 * The share of its input that an operation reads, from 0 to 1: a 1x1 with stride 2 reads a quarter.
 * @param {Operation} operation
 */
export function shareRead(operation) {
  if (!operation.windowed) return 1;
  const along = (/** @type {number} */ axis) => {
    const read = new Set();
    for (let place = 0; place < operation.output[axis]; place += 1) {
      for (let k = 0; k < operation.kernel; k += 1) {
        const at = place * operation.stride - operation.padding + k * operation.dilation;
        if (at >= 0 && at < operation.input[axis]) read.add(at);
      }
    }
    return read.size / operation.input[axis];
  };
  return along(1) * along(2);
}
