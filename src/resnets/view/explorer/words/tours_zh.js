// The guided tours in Chinese; the steps are those of tours.js.

/** @type {typeof import("./tours.js").TOURS_EN} */
export const TOURS_ZH = {
  basics: {
    title: "什么是卷积、捷径和残差？",
    about: "写给初学者。从图像上的一个小窗口，一直讲到让 152 层网络成为可能的想法。",
    steps: [
      {
        title: "图像是一块数字",
        text: (v) => `${v.live ? "你的图像是一块数字" : "左边的方块就是图像"}：${v.image}，共 ${v.numbers} 个数。每个像素有红、绿、蓝三个数。网络是一连串步骤，每一步把一块数字变成另一块，直到只剩 ${v.classes} 个数：每个类别一个得分。`,
      },
      {
        title: "卷积让一个小窗口滑过图像",
        text: (v) => `窗口覆盖 ${v.window} 个数。一个卷积核对其中每个数都有一个权重：逐个相乘，再全部相加，写下一个结果；然后窗口移动 ${v.stride} 个像素。为什么这样做？边缘在哪里都是边缘，所以同样的 ${v.weights} 个权重可以用在全部 ${v.positions} 个位置上。`,
      },
      {
        title: "每个卷积核产生一张特征图",
        text: (v) => `${v.filters} 个卷积核看同一幅图像，各找各的东西：边缘、颜色、细纹理。于是得到 ${v.filters} 张特征图，即 ${v.output} 的一块。卷积核不由人来挑选，而是训练出来的。`,
      },
      {
        title: "中间是批归一化和 ReLU",
        text: (v) => `批归一化把每张特征图调到常用的大小，有 ${v.norm} 个数要学。ReLU 随后把负数变为零。为什么？没有它，两个连续的卷积并不比一个强：和的和还是和。正是零点处的这个弯折，让深度物有所值。`,
      },
      {
        title: "层数更多，结果更差？",
        text: (v) => `深的网络至少应该和浅的一样好：多出的层只要把输入原样传下去就行。可是在 2015 年，它们更差，连在训练过的图像上也是如此。这里是以同样方式训练的 20 层和 56 层的普通网络与残差网络：56 层的普通网络训练损失为 ${v.plain56}，几乎不比瞎猜（${v.guess}）好，20 层的为 ${v.plain20}。对一串卷积来说，“原样传下去”很难学会。`,
      },
      {
        title: "捷径带着输入绕过这些层",
        text: (v) => `于是给输入一条自己的路。在这个块中，${v.windows} 的卷积产生 F(x)，弧线带着 x 绕过它们，然后两者相加：F(x) + x。弧线有 ${v.cost} 个参数。现在“原样传下去”不费力气：只要 F(x) = 0。`,
      },
      {
        title: "剩下要学的就是残差",
        text: (v) => `设这个块最好的输出是 H(x)。它的层不必产生 H(x)，只需产生缺少的部分：H(x) − x，即残差。缺得少，小小的权重就够了。反向传播时，训练信号也经过这个加号：对 F(x) + x 而言，x 那一项的导数 1 完整地传回去，不管 F 的那部分有多小。信号就这样到达 ${v.depth} 层中的第一层。`,
      },
      {
        title: "用你自己的图像看一看",
        text: (v) => (v.live ? "这是网络中的你的图像：每个块添加了什么，哪些特征图亮起来，哪些地方支持这个答案。" : `先训练一个分类器，再带着一幅图像重新生成本页：resnets show CLASSIFIER --image photo.jpg --open。然后你会看到 ${v.blocks} 个块各自为它添加了什么。`),
      },
    ],
  },
  volumes: {
    title: "逐层看 ResNet-34 的体积",
    about: "跟着一幅图像走过 2015 年论文中的网络：什么进来，什么出去，每一步花费多少。",
    steps: [
      {
        title: "第一个卷积把图像缩小一半",
        text: (v) => `${v.filters} 个 ${v.window} 的卷积核每隔 ${v.stride} 个像素看一次 ${v.input} 的图像，得到 ${v.output}。窗口放不下整数次：舍去了 ${v.rest} 步。为什么窗口这么大、缩小得这么早？在原尺寸上一切都最昂贵，所以先缩小，再加深。`,
      },
      {
        title: "池化再缩小一半",
        text: (v) => `每隔 ${v.stride} 个位置，保留 ${v.window} 邻域中的最大值：${v.input} 变为 ${v.output}。这里什么也不学：${v.parameters} 个参数。找到的特征平移一个像素仍然算找到，而此后每一步的代价只有四分之一。`,
      },
      {
        title: "块在输入上做加法",
        text: (v) => `${v.windows} 的卷积产生残差；捷径就是输入本身，因为${v.why}。块只学习差别。训练开始时差别很小，块几乎“什么也不改变”，所以深度没有害处。`,
      },
      {
        title: "形状改变之处，捷径必须跟上",
        text: (v) => `${v.why}。${v.window} 投影用 ${v.parameters} 个参数把 ${v.input} 变为 ${v.output}，读取了输入的 ${v.read}。恒等映射不花任何代价，但只有形状相同才能相加。`,
      },
      {
        title: "多数捷径直通，少数投影",
        text: (v) => `${v.blocks} 条捷径中有 ${v.projected} 条是投影，用点线画出；其余的原样传递输入。每个新阶段把高和宽减半、通道数加倍：于是各阶段中一层的代价大致相同，位置变少，而每个位置说得更多。`,
      },
      {
        title: "先平均，再作答",
        text: (v) => `${v.input} 在所有位置上求平均，${v.features} 个数的 ${v.classes} 个加权和就是 logits。总共 ${v.parameters} 个参数、${v.macs} 次乘加。VGG 仅最后几层就有 124 M 参数；平均不需要参数，还能用图说明答案从哪里来。`,
      },
    ],
  },
  tweaks: {
    title: "B、C、D 改了什么，为什么",
    about: "三处小修补，让 ResNet-50 提高约一个百分点；以及 xResNet 如何利用它们。",
    steps: [
      {
        title: "2015 年：步幅放在 1 × 1 上",
        text: (v) => `步幅为 ${v.stride} 的 ${v.window} 窗口只读取输入的 ${v.read}。前一阶段算出的其余部分在这条分支上从未用到。`,
      },
      {
        title: "B：把步幅移到 3 × 3",
        text: (v) => `步幅为 ${v.stride} 的 ${v.window} 窗口读取 ${v.read}：窗口相互重叠，什么也不跳过。没有增加任何东西：参数量仍为 ${v.parameters}，而它前面的 ${v.before} 现在在原尺寸上工作，${v.macs}。`,
      },
      {
        title: "C：三个小卷积代替一个大卷积",
        text: (v) => `有 ${v.parameters} 个参数的 ${v.window} 卷积换成 ${v.count} 个 ${v.small}，${v.macs}，中间多了 ${v.between} 个非线性。连续三个 3 × 3 和一个 7 × 7 看得一样远，而且一路上多弯折几次信号。`,
      },
      {
        title: "D：先平均，再投影",
        text: (v) => `捷径上带步幅的 ${v.window} 只读取输入的 ${v.before}。在它前面放一个 ${v.average} 平均，就读取 ${v.after}，${v.macs}。捷径是网络的主路：它跳过的东西，后面的块再也得不到。`,
      },
      {
        title: "xResNet：同样的层，另一种开端",
        text: (v) => `${v.differing}：${v.parameters} 参数。每个块最后的归一化从零开始，所以每个块起初就是它的捷径；权重按 fastai 的方式抽取。网络从浅开始，在大学习率下也训练得稳，边学边变深。`,
      },
    ],
  },
  cardinality: {
    title: "基数：从 ResNet 到 ResNeXt",
    about: "在深度和宽度之外，花费预算的第三种办法：许多并排的小路径。",
    steps: [
      {
        title: "瓶颈",
        text: (v) => `${v.outer} 把 ${v.channels} 个通道收窄到 ${v.inner} 个，${v.window} 在那里工作，${v.outer} 再把它们放宽。${v.window} 的每个卷积核读取全部 ${v.inner} 个通道：${v.parameters} 个参数。为什么要收窄？全宽度的 ${v.window} 要贵 16 倍。`,
      },
      {
        title: "把它分成组",
        text: (v) => `这里的 ${v.window} 有 ${v.groups} 组：每个卷积核只读取 ${v.channels} 个通道中的 ${v.each} 个。宽度是原来的 ${v.wider} 倍，参数 ${v.parameters} 个。组数就是基数。每一组都是一个小专家；后面的 1 × 1 把它们的发现混合起来。`,
      },
      {
        title: "同样的代价，不同的花法",
        text: (v) => `参数量由 ${v.before} 变为 ${v.after}，乘加次数由 ${v.macsBefore} 变为 ${v.macsAfter}：用分组换来了宽度。论文发现，在同样的代价下，增加组数比增加深度或宽度更好。`,
      },
    ],
  },
};

/** @type {typeof import("./tours.js").COSTS_EN} */
export const COSTS_ZH = {
  same: "一次乘加也不多",
  more: (macs) => `乘加次数 ${macs}`,
  differing: (count) => (count === 0 ? "没有不同的运算" : `有 ${count} 个运算不同`),
  and: " 和 ",
};
