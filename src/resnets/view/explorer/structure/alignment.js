// Two networks laid side by side, as Python's view/alignment.py does: which operations pair, and what was chosen differently.
//
// Stages and blocks pair by number. Within a branch two operations pair where their kinds agree, by the longest common
// subsequence, in which an operation of the same name counts twice. Marked is what a designer chooses; what follows is not.

import { halfEven } from "./spec.js";

/** @typedef {import("../data.js").Operation} Operation */
/** @typedef {"same" | "changed" | "moved" | "added" | "removed"} Status */
/** @typedef {"activation" | "kernel" | "stride" | "padding" | "groups" | "dilation" | "channels in" | "channels out" | "reduction"} Attribute */
/** @typedef {{ attribute: Attribute, first: number | string | null, second: number | string | null, moved: [origin: Operation, destination: Operation] | null }} Change */
/** @typedef {{ first: Operation | null, second: Operation | null, changes: Change[] }} Aligned */
/** @typedef {[Operation | null, Operation | null]} Couple */

const BRANCH_ORDER = ["residual", "shortcut", "trunk"];
const ACTIVATION_KINDS = ["relu", "silu", "mish", "leaky-relu", "gelu"];

/** Every operation of both networks in exactly one pair; both orders are kept. @param {Operation[]} first @param {Operation[]} second @returns {Aligned[]} */
export function aligned(first, second) {
  const [ours, theirs] = [placesOf(first), placesOf(second)];
  return [...new Map([...ours, ...theirs]).entries()]
    .sort(([, [one]], [, [other]]) => inOrder(one, other))
    .flatMap(([place]) => markedPairs(coupled(ours.get(place) ?? [], theirs.get(place) ?? [])));
}

/** What is marked in a pair: `moved` where nothing but moves is. @param {Aligned} pair @returns {Status} */
export function statusOf({ first, second, changes }) {
  if (first === null) return "added";
  if (second === null) return "removed";
  if (changes.some((change) => !change.moved)) return "changed";
  return changes.length > 0 ? "moved" : "same";
}

/** The operation's name within its block: `conv1` for `layer2.0.conv1`. @param {Operation} operation */
export function localName(operation) {
  return operation.block === null ? operation.name : operation.name.split(".").slice(2).join(".");
}

/** Operations by where they stand, so that only a handful are ever aligned with each other. @param {Operation[]} operations */
function placesOf(operations) {
  /** @type {Map<string, Operation[]>} */
  const places = new Map();
  for (const one of operations) {
    const place = `${one.stage.name} ${one.block?.index} ${one.branch}`;
    const there = places.get(place);
    if (there) there.push(one);
    else places.set(place, [one]);
  }
  return places;
}

/** The order in which networks run: residual branch, shortcut, then what follows their sum. @param {Operation} one @param {Operation} other */
function inOrder(one, other) {
  const stage = (/** @type {Operation} */ { stage: { name } }) => ({ stem: 0, head: Infinity })[name] ?? Number(name.replace("stage", ""));
  const ranks = [one, other].map((each) => [stage(each), each.block?.index ?? -1, BRANCH_ORDER.indexOf(each.branch)]);
  const place = ranks[0].findIndex((rank, at) => rank !== ranks[1][at]);
  return place < 0 ? 0 : ranks[0][place] - ranks[1][place];
}

/** Both in their order, paired by the longest common subsequence; of equals, the earliest pairs. @param {Operation[]} first @param {Operation[]} second @returns {Couple[]} */
function coupled(first, second) {
  const alike = (/** @type {Operation} */ one, /** @type {Operation} */ other) => one.kind === other.kind && localName(one) === localName(other);
  if (first.length === second.length && first.every((one, place) => alike(one, second[place]))) return first.map((one, place) => [one, second[place]]);
  const best = longest(first, second);
  /** @type {Couple[]} */
  const couples = [];
  let [i, j] = [0, 0];
  while (i < first.length && j < second.length) {
    const score = likeness(first[i], second[j]);
    if (score > 0 && best[i][j] === best[i + 1][j + 1] + score) couples.push([first[i++], second[j++]]);
    else if (best[i][j] === best[i + 1][j]) couples.push([first[i++], null]);
    else couples.push([null, second[j++]]);
  }
  for (const one of first.slice(i)) couples.push([one, null]);
  for (const other of second.slice(j)) couples.push([null, other]);
  return couples;
}

/** The best score of what is left from each place on. @param {Operation[]} first @param {Operation[]} second */
function longest(first, second) {
  const best = Array.from({ length: first.length + 1 }, () => new Array(second.length + 1).fill(0));
  for (let i = first.length - 1; i >= 0; i -= 1) {
    for (let j = second.length - 1; j >= 0; j -= 1) {
      best[i][j] = Math.max(best[i + 1][j + 1] + likeness(first[i], second[j]), best[i + 1][j], best[i][j + 1]);
    }
  }
  return best;
}

/** 0: cannot pair. @param {Operation} first @param {Operation} second */
function likeness(first, second) {
  const activations = ACTIVATION_KINDS.includes(first.kind) && ACTIVATION_KINDS.includes(second.kind);
  if ((first.kind !== second.kind && !activations) || first.ofAttention !== second.ofAttention) return 0;
  return localName(first) === localName(second) ? 2 : 1;
}

/** @param {Couple[]} couples of one branch @returns {Aligned[]} */
function markedPairs(couples) {
  const moves = movedStrides(couples);
  return couples.map(([first, second], position) => {
    const changes = changesOf(first, second, moves.get(position) ?? null);
    const begins = position === 0 && (first ?? second)?.stage.name === "stem";
    if (begins && first && second && first.input[0] !== second.input[0]) {
      changes.push({ attribute: "channels in", first: first.input[0], second: second.input[0], moved: null }); // the image's: no operation sets them
    }
    return { first, second, changes };
  });
}

/** @param {Operation | null} first @param {Operation | null} second @param {Change | null} move @returns {Change[]} */
function changesOf(first, second, move) {
  if (first === null || second === null) return move ? [move] : [];
  const [before, after] = [chosenOf(first), chosenOf(second)];
  return before.flatMap(([attribute, value], place) => {
    const other = after[place][1];
    if (value === other) return [];
    return [move && attribute === "stride" ? move : { attribute, first: value, second: other, moved: null }];
  });
}

/** What a designer chose about an operation; the rest follows from this and from what comes in. @param {Operation} one @returns {[Attribute, number | string][]} */
function chosenOf(one) {
  /** @type {[Attribute, number | string][]} */
  const chosen = ACTIVATION_KINDS.includes(one.kind) ? [["activation", one.kind]] : [];
  chosen.push(["kernel", one.kernel], ["stride", one.stride], ["padding", one.padding]);
  chosen.push(["groups", one.kind === "blur" ? 1 : one.groups], ["dilation", one.dilation]); // a blur never mixes channels
  if (one.ofAttention) {
    if (one.name.endsWith(".fc1")) chosen.push(["reduction", halfEven(one.input[0] / one.output[0])]);
  } else if (one.kind === "linear" || (one.kind === "conv" && one.branch !== "shortcut")) {
    chosen.push(["channels out", one.output[0]]);
  }
  return chosen;
}

/** The move at each position whose stride went to, or came from, another position of the branch. @param {Couple[]} couples */
function movedStrides(couples) {
  /** @type {Map<number, Change>} */
  const moves = new Map();
  couples.forEach(([origin, stays], here) => {
    couples.forEach(([arrives, destination], there) => {
      if (here === there || !origin || !destination || !(stays || arrives) || moves.has(here) || moves.has(there)) return;
      const leaves = origin.stride > 1 && stays?.stride !== origin.stride;
      if (!leaves || destination.stride !== origin.stride || arrives?.stride === origin.stride) return;
      for (const position of [here, there]) {
        const [first, second] = couples[position];
        moves.set(position, { attribute: "stride", first: first?.stride ?? null, second: second?.stride ?? null, moved: [origin, destination] });
      }
    });
  });
  return moves;
}
