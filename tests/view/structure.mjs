// What the explorer page computes of the networks and pairs that test_structure_js.py asks about, as one JSON document.
// node structure.mjs FOLDER < QUESTIONS: FOLDER holds the page's modules.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const modules = pathToFileURL(`${process.argv[2]}/`);
const from = (name) => import(new URL(name, modules));
const { readModel } = await from("data.js");
const { compareNetworks, describePair } = await from("structure/comparison.js");
const { withFields, channelKernel, squeezedWidth } = await from("structure/spec.js");
const { problem } = await from("structure/problem.js");
const { describedParts, headWords } = await from("structure/parts.js");
const { ruleOf } = await from("structure/shortcuts.js");
const { say, speak } = await from("words.js");

const asked = JSON.parse(readFileSync(0, "utf8"));
const model = readModel(JSON.stringify(asked.page));
const specOf = (changes) => withFields(asked.page.usual, changes);
const modified = new Map(asked.modified.map(([name, changes, size]) => [name, model.build(name, "", specOf(changes), size)]));
const network = (name) => modified.get(name) ?? model.networks.get(name);

const numbers = ({ parameters, macs, activation_bytes }) => [parameters, macs, activation_bytes];

function operation(one) {
  const { size, jump, start } = one.field;
  return [
    one.name, one.stage.label, one.block?.index ?? null, one.branch, one.kind, one.kernel, one.stride, one.padding, one.groups, one.dilation,
    one.input, one.output, one.parameters, one.macs, one.bytes, [size, jump, start], one.windowed, one.ofAttention, one.norm,
  ];
}

function block(one) {
  const { label, short, sign, meaning, dash, width, cap } = one.look;
  return [
    one.name, one.stage.label, one.index, one.cIn, one.firstWidth, one.width, one.cOut, one.stride, one.dilation, one.firstDilation, one.shortcut,
    one.activated, [label, short, sign, meaning, dash, width, cap], one.why,
    one.options.map(({ option, words, cost }) => [option, words, cost && [cost.parameters, cost.macs]]),
  ];
}

function everything(name) {
  const one = network(name);
  return {
    totals: [one.depth, one.inChannels, one.parameters, one.macs, one.fvcoreMacs, one.bytes, one.imageSize],
    stages: one.stages.map((stage) => [stage.label, stage.output, stage.parameters, stage.macs, stage.bytes, stage.operations.length, stage.blocks.length]),
    operations: one.operations.map(operation), blocks: one.blocks.map(block), parts: one.parts, described: describedParts(one.spec),
    head: headWords(one.spec), rule: ruleOf(one.spec.shortcut), problem: problem(one.spec),
  };
}

function comparison(first, second) {
  const { pairs, stages, total, spec, words } = compareNetworks(network(first), network(second));
  return {
    pairs: pairs.map((pair) => [pair.stage, pair.status, pair.first, pair.second, pair.words, numbers(pair.deltas)]),
    stages: stages.map((stage) => [stage.stage, numbers(stage.deltas)]), total: numbers(total), spec, words,
  };
}

/** Every word that is said of some networks in Chinese. */
function chinese(names) {
  speak("zh");
  const said = names.flatMap((name) => {
    const one = network(name);
    const looks = one.blocks.flatMap(({ look, why, options }) => [look.label, look.meaning, why, ...options.map(({ words }) => words)]);
    const pairs = compareNetworks(network(names[0]), one).pairs.filter(({ status }) => status !== "same");
    return [...describedParts(one.spec).flat(), ...looks, headWords(one.spec), ruleOf(one.spec.shortcut), ...pairs.map((pair) => pair.words)];
  });
  const found = [...said, ...model.groups().map(({ label }) => label), ...asked.broken.map((changes) => problem(specOf(changes)))];
  speak("en");
  return [...new Set(found)];
}

process.stdout.write(JSON.stringify({
  names: [...model.networks.keys()],
  networks: [...model.networks.keys(), ...modified.keys()].map((name) => [name, everything(name)]),
  pairs: asked.pairs.map(([first, second]) => comparison(first, second)),
  problems: asked.broken.map((changes) => problem(specOf(changes))),
  kernels: asked.channels.map((channels) => [channelKernel(channels), squeezedWidth(channels, 16), squeezedWidth(channels, 3)]),
  counted: [say.inspector.counted, describePair({ first: null, second: network("resnet18").operations[0], changes: [] })],
  chinese: chinese(asked.translated),
}));
