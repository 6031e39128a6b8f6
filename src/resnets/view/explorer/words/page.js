// What the page's own parts are called: its views, pickers and keys.

export const PAGE_EN = {
  title: "Residual networks",
  network: "network",
  blocks: (/** @type {number} */ count) => `${count} ${count === 1 ? "block" : "blocks"}`,
};

/** @type {typeof PAGE_EN} */
export const PAGE_ZH = {
  title: "残差网络",
  network: "网络",
  blocks: (count) => `${count} 个残差块`,
};
