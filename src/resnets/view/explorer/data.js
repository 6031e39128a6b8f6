// The page's data as Python wrote it, unpacked into networks, stages, blocks and operations that know each other.

/**
 * @typedef {[channels: number, height: number, width: number]} Shape
 * @typedef {{ name: string, index: number, stage: Stage, block: Block | null, branch: string, kind: string,
 *   kernel: number, stride: number, padding: number, groups: number, input: Shape, output: Shape, parameters: number,
 *   macs: number, bytes: number, field: { size: number, jump: number, start: number } }} Operation
 * @typedef {{ name: string, index: number, stage: Stage, cIn: number, width: number, cOut: number, stride: number,
 *   shortcut: string, why: string, options: Record<string, { parameters: number, macs: number } | null>,
 *   operations: Operation[] }} Block
 * @typedef {{ name: string, label: string, output: Shape, parameters: number, macs: number, bytes: number,
 *   blocks: Block[], operations: Operation[] }} Stage
 * @typedef {{ name: string, source: string, depth: number, imageSize: [number, number], inChannels: number,
 *   parameters: number, macs: number, fvcoreMacs: number, bytes: number, stages: Stage[], blocks: Block[],
 *   operations: Operation[], byName: Map<string, Operation | Block | Stage> }} Network
 * @typedef {{ stage: string, block: number | null, status: string, first: string | null, second: string | null,
 *   words: string, deltas: Deltas }} Pair
 * @typedef {{ parameters: number, macs: number, activation_bytes: number }} Deltas
 * @typedef {{ first: string, second: string, pairs: Pair[], stages: { stage: string, deltas: Deltas }[], total: Deltas,
 *   spec: string[] }} Comparison
 * @typedef {{ networks: Map<string, Network>, shown: string[], comparisons: Comparison[], convention: string }} Model
 */

/**
 * The model in the page's JSON. Throws where the JSON is cut or lacks something.
 * @param {string} text
 * @returns {Model}
 */
export function readModel(text) {
  const raw = JSON.parse(text);
  const networks = new Map(raw.networks.map((/** @type {any} */ one) => [one.name, unpackNetwork(one)]));
  return { networks, shown: raw.shown, comparisons: raw.comparisons, convention: raw.convention };
}

/**
 * @param {any} raw
 * @returns {Network}
 */
function unpackNetwork(raw) {
  /** @type {Stage[]} */
  const stages = raw.stages.map((/** @type {any} */ stage) => ({ ...stage, blocks: [], operations: [] }));
  /** @type {Block[]} */
  const blocks = raw.blocks.map((/** @type {any} */ block) => {
    const stage = stages[block.stage];
    const unpacked = { ...block, why: raw.reasons[block.reason].why, options: raw.reasons[block.reason].options, stage };
    unpacked.operations = [];
    stage.blocks.push(unpacked);
    return unpacked;
  });
  const operations = raw.operations.map((/** @type {any[]} */ row, /** @type {number} */ index) => {
    const operation = unpackOperation(row, index, stages, blocks);
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
  const [name, stage, block, branch, kind, kernel, stride, padding, groups, input, output, parameters, macs, field] = row;
  const [size, jump, start] = field;
  return {
    name, index, stage: stages[stage], block: block < 0 ? null : blocks[block], branch, kind, kernel, stride, padding,
    groups, input, output, parameters, macs, bytes: 4 * output[0] * output[1] * output[2], field: { size, jump, start },
  };
}

/**
 * The share of its input that an operation reads, from 0 to 1: a 1x1 with stride 2 reads a quarter.
 * @param {Operation} operation
 */
export function shareRead(operation) {
  if (!["conv", "max-pool", "avg-pool", "pad"].includes(operation.kind)) return 1;
  const along = (/** @type {number} */ axis) => {
    const read = new Set();
    for (let place = 0; place < operation.output[axis]; place += 1) {
      for (let k = 0; k < operation.kernel; k += 1) {
        const at = place * operation.stride - operation.padding + k;
        if (at >= 0 && at < operation.input[axis]) read.add(at);
      }
    }
    return read.size / operation.input[axis];
  };
  return along(1) * along(2);
}
