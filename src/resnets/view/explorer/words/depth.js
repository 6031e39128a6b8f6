// What is said about depth: why plain networks fade, and residual ones do not.

export const DEPTH_EN = {
  title: "Why shortcuts? What depth does to a network without them",
  about: (/** @type {number} */ images, /** @type {number} */ epochs, /** @type {number} */ size) => `Four networks of the paper, trained alike on CIFAR-10: ${images} images a class at ${size} × ${size} pixels, ${epochs} epochs. Plain networks are residual ones without their shortcuts.`,
  names: /** @type {Record<string, string>} */ ({ "plain-20": "plain, 20 layers", "plain-56": "plain, 56 layers", "residual-20": "residual, 20 layers", "residual-56": "residual, 56 layers" }),
  loss: "Loss on the training images",
  lossAbout: "Deeper should be at least as good: more layers can always pass their input on. The plain network of 56 layers is worse than the one of 20, on the very images it learns from. That is degradation, and no overfitting. With shortcuts the deeper one does not fall behind.",
  epoch: "epoch",
  block: "block",
  activation: "Size of the signal, block by block",
  activationAbout: "The root mean square of what leaves each block of the 56 layers, before training. Batch norm keeps the plain network's signal alike everywhere. In the residual one each block adds to it, so it grows slowly, and what the first blocks found is still in it at the end.",
  gradient: "Size of the gradient, block by block",
  gradientAbout: (/** @type {string} */ plain, /** @type {string} */ residual) => `How strongly the loss depends on what leaves each block, before training. Read it from right to left: that is the way it takes. Without shortcuts it is multiplied at every layer, and is ${plain} times as large at the first block as at the last. No learning rate suits both ends. Shortcuts pass it on unchanged: ${residual} times.`,
  again: "Anyone can repeat it in minutes:",
};

/** @type {typeof DEPTH_EN} */
export const DEPTH_ZH = {
  title: "为什么要捷径？没有捷径，深度会怎样",
  about: (images, epochs, size) => `论文中的四个网络，以同样方式在 CIFAR-10 上训练：每类 ${images} 幅 ${size} × ${size} 像素的图像，${epochs} 轮。普通网络就是去掉捷径的残差网络。`,
  names: { "plain-20": "普通，20 层", "plain-56": "普通，56 层", "residual-20": "残差，20 层", "residual-56": "残差，56 层" },
  loss: "训练图像上的损失",
  lossAbout: "更深的网络至少应该一样好：多出的层总可以把输入原样传下去。可是 56 层的普通网络比 20 层的更差，而且是在它学习的图像上。这就是退化，不是过拟合。有了捷径，更深的网络就不会落后。",
  epoch: "轮",
  block: "块",
  activation: "信号的大小，逐块",
  activationAbout: "训练之前，56 层网络中每个块输出的均方根。批归一化使普通网络的信号处处相近。在残差网络中，每个块都为信号添上一份，所以它缓慢增长，最前面的块找到的东西到最后仍在其中。",
  gradient: "梯度的大小，逐块",
  gradientAbout: (plain, residual) => `训练之前，损失对每个块输出的依赖程度。请从右向左读：梯度就是这样传播的。没有捷径，它在每一层都被放大或缩小，第一个块处是最后一个块处的 ${plain} 倍，没有一个学习率能同时适合两端。捷径把它原样传递：${residual} 倍。`,
  again: "任何人都可以在几分钟内重复：",
};
