// The diagrams that the explorer page draws of the networks in its data, as one JSON document: language -> name -> SVG.
// node diagram.mjs FOLDER < PAGE: FOLDER holds the page's modules, PAGE is the page's data.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const modules = pathToFileURL(`${process.argv[2]}/`);
const from = (name) => import(new URL(name, modules));
const { readModel } = await from("data.js");
const { diagramOf } = await from("diagram/drawing.js");
const { speak } = await from("words.js");

const model = readModel(readFileSync(0, "utf8"));
const drawn = (language) => {
  speak(language);
  return Object.fromEntries([...model.networks.keys()].map((name) => [name, diagramOf(model.networks.get(name))]));
};
process.stdout.write(JSON.stringify({ en: drawn("en"), zh: drawn("zh") }));
