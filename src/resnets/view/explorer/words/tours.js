// What the guided tours tell: first what is seen, with its numbers, and then why it is so.

/** @typedef {Record<string, string | number>} Values the numbers of a step, which tours.js takes from the networks */
/** @typedef {{ title: string, text: (v: Values) => string }} Told */
/** @typedef {{ title: string, about: string, steps: Told[] }} ToldTour */

/** @type {Record<"basics" | "volumes" | "tweaks" | "cardinality", ToldTour>} */
export const TOURS_EN = {
  basics: {
    title: "What is a convolution, a shortcut, a residual?",
    about: "For beginners. From one window on an image to the idea that made networks of 152 layers possible.",
    steps: [
      {
        title: "An image is a block of numbers",
        text: (v) => `${v.live ? "Your image is a block" : "The block on the left is the image"}: ${v.image}, which is ${v.numbers} numbers. Each pixel has a red, a green and a blue number. A network is a row of steps that turn one block of numbers into another, until ${v.classes} are left: one score for each class.`,
      },
      {
        title: "A convolution slides a small window",
        text: (v) => `The window covers ${v.window} numbers. A filter has a weight for each of them: it multiplies number by number, adds up, and writes down one result. Then the window moves on by ${v.stride} pixels. Why so? What makes an edge an edge is the same everywhere, so the same ${v.weights} weights serve all ${v.positions} positions.`,
      },
      {
        title: "Each filter makes one map",
        text: (v) => `${v.filters} filters look at the same image, each for something else: an edge, a color, a fine texture. So ${v.filters} maps come out, a block of ${v.output}. Nobody chooses the filters: training finds them.`,
      },
      {
        title: "Batch norm and ReLU stand between",
        text: (v) => `Batch norm brings each map to a usual size, with ${v.norm} numbers to learn. ReLU then sets what is negative to zero. Why? Without it two convolutions in a row would be no more than one: sums of sums are sums. The bend at zero is what makes depth worth its cost.`,
      },
      {
        title: "More layers, worse answers?",
        text: (v) => `Deep networks should be at least as good as shallow ones: the extra layers could simply pass their input on. In 2015 they were worse, even on the images they were trained on. Here are plain and residual networks of 20 and 56 layers, trained alike: the plain one of 56 layers ends at a loss of ${v.plain56}, hardly better than guessing (${v.guess}), the one of 20 at ${v.plain20}. Passing the input on is hard to learn for a row of convolutions.`,
      },
      {
        title: "A shortcut carries the input past the layers",
        text: (v) => `So the input is given a way of its own. In this block ${v.windows} convolutions make F(x), the arc carries x past them, and the two are added: F(x) + x. The arc has ${v.cost} parameters. Passing the input on is now free: F(x) = 0 does it.`,
      },
      {
        title: "What is left to learn is the residual",
        text: (v) => `Say the best that this block could give is H(x). Its layers need not make H(x), only what is missing: H(x) − x, the residual. Where little is missing, small weights do. And on the way back, training's signal passes the sum too: of F(x) + x it takes the 1 of x whole, however small F's part is. That is how it reaches the first of ${v.depth} layers.`,
      },
      {
        title: "See it with your own image",
        text: (v) => (v.live ? "This is your image inside the network: what each block adds, which maps light up, and which places speak for the answer." : `Train a classifier, then write this page anew with an image in it: resnets show CLASSIFIER --image photo.jpg --open. You then see what each of the ${v.blocks} blocks adds to it.`),
      },
    ],
  },
  volumes: {
    title: "ResNet-34 volume by volume",
    about: "Follow an image through the network of the 2015 paper: what comes in, what goes out, and what each step costs.",
    steps: [
      {
        title: "The first convolution halves the image",
        text: (v) => `${v.filters} filters of ${v.window} look at the ${v.input} image every ${v.stride} pixels and make ${v.output}. The window does not fit a whole number of times: ${v.rest} of a step is rounded away. Why so large and so early? At full size everything costs most, so size is given up before depth begins.`,
      },
      {
        title: "The pool halves it again",
        text: (v) => `The largest of ${v.window} neighbours is kept, every ${v.stride} positions: ${v.input} becomes ${v.output}. Nothing is learned here: ${v.parameters} parameters. A feature that was found stays found if it shifts by a pixel, and each later step costs a quarter.`,
      },
      {
        title: "A block adds to its input",
        text: (v) => `Convolutions of ${v.windows} make the residual; the shortcut is the input itself, since ${v.why}. What the block learns is only the difference. At the start of training it is small, so that the block begins near "change nothing", and depth does no harm.`,
      },
      {
        title: "Where the shape changes, the shortcut must follow",
        text: (v) => `${v.why}. The ${v.window} projection turns ${v.input} into ${v.output} with ${v.parameters} parameters, and reads ${v.read} of its input. An identity would cost nothing, but only equal shapes can be added.`,
      },
      {
        title: "Most shortcuts pass, few project",
        text: (v) => `Of ${v.blocks} shortcuts ${v.projected} project, drawn dotted; the others pass their input on unchanged. Each new stage halves the height and the width and doubles the channels: a layer then costs about the same in every stage, and fewer places say more each.`,
      },
      {
        title: "The average, then the answer",
        text: (v) => `${v.input} is averaged over its positions and ${v.classes} sums of ${v.features} numbers are the logits. In all, ${v.parameters} parameters and ${v.macs} multiply-accumulates. VGG spends 124 M parameters on its last layers alone; the average needs none, and lets a map say where the answer comes from.`,
      },
    ],
  },
  tweaks: {
    title: "What B, C and D change, and why",
    about: "Three small repairs that raise ResNet-50 by about one point, and what xResNet makes of them.",
    steps: [
      {
        title: "2015: the stride sits on a 1 × 1",
        text: (v) => `A ${v.window} window with stride ${v.stride} reads ${v.read} of its input. The rest of what the stage before computed is never used on this branch.`,
      },
      {
        title: "B: move the stride to the 3 × 3",
        text: (v) => `A ${v.window} window with stride ${v.stride} reads ${v.read}: windows overlap, and nothing is skipped. Nothing is added: the parameters stay at ${v.parameters}, and the ${v.before} before it now works at full size, ${v.macs}.`,
      },
      {
        title: "C: three small convolutions for a large one",
        text: (v) => `The ${v.window} convolution of ${v.parameters} parameters gives way to ${v.count} of ${v.small}, ${v.macs}, with ${v.between} more non-linearities in between. Three 3 × 3 in a row see as far as one 7 × 7, and bend the signal more often on the way.`,
      },
      {
        title: "D: average before projecting",
        text: (v) => `The shortcut's strided ${v.window} read ${v.before} of its input. A ${v.average} average in front of it reads ${v.after}, ${v.macs}. The shortcut is the network's main road: what it skips, no later block gets back.`,
      },
      {
        title: "xResNet: the same layers, another beginning",
        text: (v) => `${v.differing}: ${v.parameters} parameters. The last norm of each block starts at zero, so that every block starts as its shortcut, and weights are drawn as fastai draws them. A network that begins as a shallow one trains stably at large rates, and grows deep as it learns.`,
      },
    ],
  },
  cardinality: {
    title: "Cardinality: from ResNet to ResNeXt",
    about: "A third way to spend a budget, beside depth and width: many small paths side by side.",
    steps: [
      {
        title: "A bottleneck",
        text: (v) => `A ${v.outer} narrows ${v.channels} channels to ${v.inner}, a ${v.window} works there, a ${v.outer} widens again. Every filter of the ${v.window} reads all ${v.inner} channels: ${v.parameters} parameters. Why narrow? A ${v.window} at full width would cost 16 times as much.`,
      },
      {
        title: "Split it into groups",
        text: (v) => `Here the ${v.window} has ${v.groups} groups: each filter reads ${v.each} of the ${v.channels} channels. ${v.wider} times the width, and ${v.parameters} parameters. The number of groups is the cardinality. Each group is a small expert of its own; the 1 × 1 behind them mixes what they found.`,
      },
      {
        title: "The same cost, spent otherwise",
        text: (v) => `${v.before} parameters become ${v.after}, ${v.macsBefore} multiply-accumulates ${v.macsAfter}: width was bought with groups. At equal cost the paper finds more groups better than more depth or more width.`,
      },
    ],
  },
};

export const COSTS_EN = {
  same: "without one multiply-accumulate more",
  more: (/** @type {string} */ macs) => `at ${macs} multiply-accumulates`,
  differing: (/** @type {number} */ count) => (count === 0 ? "No operation differs" : `${count} operations differ`),
  and: " and ",
};
