// The page's data as Python wrote it, unpacked into networks, stages, blocks and operations that know each other.

/**
 * @typedef {[channels: number, height: number, width: number]} Shape
 * @typedef {{ label: string, sign: string, dash: string, width: number, cap: string }} Look how a kind of shortcut is drawn
 * @typedef {{ name: string, index: number, stage: Stage, block: Block | null, branch: string, kind: string,
 *   windowed: boolean, kernel: number, stride: number, padding: number, groups: number, input: Shape, output: Shape, parameters: number,
 *   dilation: number, norm: string, ofAttention: boolean, macs: number, bytes: number, field: { size: number, jump: number, start: number } }} Operation
 * @typedef {{ name: string, index: number, stage: Stage, cIn: number, width: number, cOut: number, stride: number,
 *   shortcut: string, activated: boolean, look: Look, why: string, operations: Operation[],
 *   options: { option: string, words: string, cost: { parameters: number, macs: number } | null }[] }} Block
 * @typedef {{ name: string, label: string, output: Shape, parameters: number, macs: number, bytes: number,
 *   blocks: Block[], operations: Operation[] }} Stage
 * @typedef {{ name: string, source: string, depth: number, imageSize: [number, number], inChannels: number,
 *   norm: string, parts: [name: string, words: string][],
 *   parameters: number, macs: number, fvcoreMacs: number, bytes: number, stages: Stage[], blocks: Block[],
 *   operations: Operation[], byName: Map<string, Operation | Block | Stage> }} Network
 * @typedef {{ stage: string, status: string, first: string | null, second: string | null, words: string,
 *   deltas: Deltas }} Pair
 * @typedef {{ parameters: number, macs: number, activation_bytes: number }} Deltas
 * @typedef {{ first: string, second: string, pairs: Pair[], stages: { stage: string, deltas: Deltas }[], total: Deltas,
 *   spec: string[], words: string[] }} Comparison
 * @typedef {{ networks: Map<string, Network>, shown: string[], convention: string, live: any,
 *   compare: (first: string, second: string) => Comparison | undefined }} Model
 */

/**
 * The model in the page's JSON. Throws where the JSON is cut or lacks something.
 * @param {string} text
 * @returns {Model}
 */
export function readModel(text) {
  const raw = JSON.parse(text);
  const networks = new Map(raw.networks.map((/** @type {any} */ one) => [one.name, unpackNetwork(one, raw)]));
  return { networks, shown: raw.shown, convention: raw.convention, live: raw.live ?? null, compare: comparing(raw, networks) };
}

/**
 * @param {any} raw
 * @param {{ looks: Record<string, Look>, options: Record<string, string>, windows: string[] }} words
 * @returns {Network}
 */
function unpackNetwork(raw, { looks, options, windows }) {
  /** @type {Stage[]} */
  const stages = raw.stages.map((/** @type {any} */ stage) => ({ ...stage, blocks: [], operations: [] }));
  /** @type {Block[]} */
  const blocks = raw.blocks.map((/** @type {any} */ block) => {
    const stage = stages[block.stage];
    const reason = raw.reasons[block.reason];
    const costs = Object.entries(options).map(([option, words]) => ({ option, words, cost: reason.options[option] }));
    const unpacked = { ...block, look: block.look ?? looks[block.shortcut], why: reason.why, options: costs, stage, operations: [] };
    stage.blocks.push(unpacked);
    return unpacked;
  });
  const operations = raw.operations.map((/** @type {any[]} */ row, /** @type {number} */ index) => {
    const operation = unpackOperation(row, index, stages, blocks);
    operation.windowed = windows.includes(operation.kind);
    operation.norm = raw.norm;
    operation.stage.operations.push(operation);
    operation.block?.operations.push(operation);
    return operation;
  });
  const byName = new Map([...stages, ...blocks, ...operations].map((one) => [one.name, one]));
  return { ...raw, stages, blocks, operations, byName };
}

/**
 * @param {any[]} row
 * @param {number} index
 * @param {Stage[]} stages
 * @param {Block[]} blocks
 * @returns {Operation}
 */
function unpackOperation(row, index, stages, blocks) {
  const [name, stage, block, branch, kind, kernel, stride, padding, groups, input, output, parameters, macs, field, dilation] = row;
  const [size, jump, start] = field;
  return {
    name, index, stage: stages[stage], block: block < 0 ? null : blocks[block], branch, kind, windowed: false, kernel, stride,
    padding, groups, input, output, parameters, macs, bytes: 4 * output[0] * output[1] * output[2], field: { size, jump, start },
    dilation, norm: "", ofAttention: name.includes(".se."),
  };
}

/**
 * Gives the comparison of two of the networks, unpacked when it is first asked for.
 * @param {any} raw
 * @param {Map<string, Network>} networks
 * @returns {Model["compare"]}
 */
function comparing(raw, networks) {
  const packed = new Map(raw.comparisons.map((/** @type {any} */ one) => [`${one.first}\n${one.second}`, one]));
  /** @type {Map<string, Comparison>} */
  const unpacked = new Map();
  return (first, second) => {
    const key = `${first}\n${second}`;
    const [one, other] = [networks.get(first), networks.get(second)];
    if (packed.has(key) && !unpacked.has(key) && one && other) unpacked.set(key, unpackComparison(packed.get(key), one, other, raw.marks));
    return unpacked.get(key);
  };
}

/**
 * @param {any} raw
 * @param {Network} one
 * @param {Network} other
 * @param {[status: string, words: string][]} marks
 * @returns {Comparison}
 */
function unpackComparison(raw, one, other, marks) {
  const numbers = raw.marks.flatMap((/** @type {number | [number, number]} */ run) => (Array.isArray(run) ? Array(run[1]).fill(run[0]) : [run]));
  let [i, j] = [0, 0];
  /** @type {Pair[]} */
  const pairs = numbers.map((/** @type {number} */ number) => {
    const [status, words] = marks[number];
    const first = status === "added" ? null : one.operations[i++];
    const second = status === "removed" ? null : other.operations[j++];
    const stage = (first ?? /** @type {Operation} */ (second)).stage.label;
    return { stage, status, words, first: first?.name ?? null, second: second?.name ?? null, deltas: difference(first, second) };
  });
  const names = [...new Set(pairs.map((pair) => pair.stage))];
  const stages = names.map((stage) => ({ stage, deltas: sum(pairs.filter((pair) => pair.stage === stage)) }));
  return { first: raw.first, second: raw.second, pairs, stages, total: sum(pairs), spec: raw.spec, words: raw.words };
}

/** What the second operation costs less what the first does. @param {Operation | null} first @param {Operation | null} second */
function difference(first, second) {
  const less = (/** @type {"parameters" | "macs" | "bytes"} */ cost) => (second?.[cost] ?? 0) - (first?.[cost] ?? 0);
  return { parameters: less("parameters"), macs: less("macs"), activation_bytes: less("bytes") };
}

/** @param {Pair[]} pairs @returns {Deltas} */
function sum(pairs) {
  const total = (/** @type {keyof Deltas} */ cost) => pairs.reduce((all, pair) => all + pair.deltas[cost], 0);
  return { parameters: total("parameters"), macs: total("macs"), activation_bytes: total("activation_bytes") };
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
