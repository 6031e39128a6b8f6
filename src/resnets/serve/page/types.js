// What the parts of the page give each other.

/** @typedef {{class: string, probability: number}} Answer */
/** @typedef {{class: string, values: number[][]}} Activation */
/** @typedef {{image: string, answers: Answer[], sure: boolean, error: string | null, map?: Activation, seen?: string}} Row */
/**
 * @typedef {{
 *   name: string, network: string | null, classes: string[], size: number, channels: number, abstain_below: number,
 *   temperature: number, runtime: string, precision: string, maps: boolean, activations?: boolean,
 *   scores: {count?: number, top1?: number, top5?: number, macro_f1?: number, ece?: number},
 *   trained: {data?: string, images?: number, date?: string},
 * }} Card
 */
/** @typedef {{classifiers: Card[], formats: string[], limits: {body: number, pixels: number, images: number}}} About */
/**
 * What answers for images: a server, or this page itself.
 * @typedef {{
 *   about: () => Promise<About>,
 *   predict: (file: Blob, card: Card, wishes: {map?: string | null, seen?: boolean}) => Promise<Row>,
 *   explorer: (card: Card) => string | null,
 *   atOnce: number,
 * }} Backend
 */
/** @typedef {{name: string, file: Blob, url: string, row: Row | null}} Item */

export {};
