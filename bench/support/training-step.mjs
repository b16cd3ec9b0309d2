// The networks that the benchmarks train, built from the packages' dist, ready to step. The other side is networks.py beside this file.

/** Rows of a training batch, as the issue of each network is used. */
const BATCH = { lite: 72, thesis: 32, prototype: 8, 'dinet-lite': 8, dinet: 2 };

export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href);

/** A convolution network with attention of 0.88 M parameters on 32 x 32 frames, from the layers of @lipsync/nn. */
function prototypeNetwork(nn, tf) {
  const { Conv2d, GroupNorm, Linear, Module, Random } = nn;
  const random = new Random(0);
  const conv = (inChannels, outChannels, kernelSize, stride = 1, bias = true) =>
    new Conv2d({
      inChannels,
      outChannels,
      kernelSize,
      stride,
      padding: stride === 1 ? (kernelSize - 1) / 2 : { left: 0, right: 1, top: 0, bottom: 1 },
      bias,
      random,
    });
  const norm = (channels, activation) => new GroupNorm({ groups: 32, channels, activation });

  class Block extends Module {
    constructor(channels) {
      super();
      this.norm1 = this.register('norm1', norm(channels, 'silu'));
      this.conv1 = this.register('conv1', conv(channels, channels, 3));
      this.norm2 = this.register('norm2', norm(channels, 'silu'));
      this.conv2 = this.register('conv2', conv(channels, channels, 3));
    }

    forward(x) {
      return tf.tidy(() =>
        tf.add(x, this.conv2.forward(this.norm2.forward(this.conv1.forward(this.norm1.forward(x))))),
      );
    }
  }

  return new (class extends Module {
    constructor() {
      super();
      this.start = this.register('start', conv(3, 64, 3));
      this.first = [0, 1].map((i) => this.register(`first.${i}`, new Block(64)));
      this.down = this.register('down', conv(64, 128, 3, 2));
      this.third = this.register('third', new Block(128));
      this.norm = this.register('norm', norm(128, 'none'));
      [this.q, this.k, this.v, this.out] = ['q', 'k', 'v', 'out'].map((name) =>
        this.register(name, conv(128, 128, 1, 1, false)),
      );
      this.fourth = this.register('fourth', new Block(128));
      this.last = this.register('last', norm(128, 'silu'));
      this.head = this.register('head', new Linear({ inFeatures: 128, outFeatures: 10, random }));
    }

    forward(x) {
      return tf.tidy(() => {
        let h = this.down.forward(this.first.reduce((y, block) => block.forward(y), this.start.forward(x)));
        h = this.third.forward(h);
        const [batch, height, width, channels] = h.shape;
        const normed = this.norm.forward(h);
        const [q, k, v] = [this.q, this.k, this.v].map((layer) =>
          tf.reshape(layer.forward(normed), [batch, height * width, channels]),
        );
        const weights = tf.softmax(tf.mul(tf.matMul(q, k, false, true), channels ** -0.5));
        h = tf.add(h, this.out.forward(tf.reshape(tf.matMul(weights, v), h.shape)));
        return this.head.forward(tf.mean(this.last.forward(this.fourth.forward(h)), [1, 2]));
      });
    }
  })();
}

/** Multiplications and additions of the convolutions and products that a pass runs, as written. */
async function countFlops(tf, pass) {
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const counts = {
    Conv2D: ({ filter }, y) => 2 * size(y.shape) * size(filter.shape.slice(0, 3)),
    BatchMatMul: ({ a }, y, { transposeA }) => 2 * size(y.shape) * a.shape.at(transposeA ? -2 : -1),
  };
  counts.LipsyncConvolution = counts.FusedConv2D = counts.Conv2D;
  counts._FusedMatMul = counts.BatchMatMul;
  let [flops, depth] = [0, 0];
  const kernels = Object.keys(counts)
    .map((name) => tf.getKernel(name, tf.getBackend()))
    .filter(Boolean);
  for (const kernel of kernels) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName);
    const kernelFunc = (args) => {
      depth++;
      const y = kernel.kernelFunc(args);
      if (--depth === 0) flops += counts[kernel.kernelName](args.inputs, y, args.attrs);
      return y;
    };
    tf.registerKernel({ ...kernel, kernelFunc });
  }
  await pass();
  for (const kernel of kernels) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName);
    tf.registerKernel(kernel);
  }
  return flops;
}

async function prepared({ network, backend, threads, accelerator }) {
  const [{ selectBackend }, avalignnet, nn] = await Promise.all(['backends', 'avalignnet', 'nn'].map(load));
  const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
  const selected = await selectBackend({ backend, threads, ...(accelerator === undefined ? {} : { accelerator }) });
  const random = new nn.Random(0);
  const normal = (...shape) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      shape,
    );
  const { AVAlignNet, LITE, thesis } = avalignnet;
  const config = { lite: LITE, thesis: thesis({ frameCount: 5, size: 64, maxChannels: 512 }) }[network];
  if (network === 'syncnet') {
    const { SyncNet } = await load('syncnet');
    return {
      tf,
      nn,
      selected,
      net: new SyncNet({ seed: 0 }),
      inputs: (batch) => [normal(batch, 224, 224, 15), normal(batch, 13, 20, 1)],
    };
  }
  if (network.startsWith('dinet')) {
    const dinet = await load('dinet');
    const config = network === 'dinet' ? dinet.THESIS_DINET : dinet.LITE_DINET;
    const { kind, bins, steps } = config.audio;
    const inputs = (batch) => [
      normal(batch, 104, 80, 3),
      normal(batch, 104, 80, 15),
      normal(batch, kind === 'mel' ? bins : 29, steps),
    ];
    return { tf, nn, selected, dinet, config, normal, net: new dinet.DinetGenerator(config, { seed: 0 }), inputs };
  }
  if (!config && network !== 'prototype')
    throw new Error(`bench: network must be lite, thesis, prototype, syncnet, dinet-lite or dinet, got ${network}`);
  const net = config ? new AVAlignNet(config, { seed: 0 }) : prototypeNetwork(nn, tf);
  const { frameCount, height, width, featureSteps } = config?.input ?? {};
  const inputs = (batch) =>
    config
      ? [normal(batch, height, width, 3 * frameCount), normal(batch, 80, featureSteps, 1)]
      : [normal(batch, 32, 32, 3)];
  return { tf, nn, avalignnet, selected, normal, config, net, inputs };
}

/** One forward pass of the towers, or of the one network, without gradients. */
async function forward(tf, net, inputs) {
  const outputs = tf.tidy(() => {
    const result = net.forward(...inputs);
    return result instanceof tf.Tensor ? [result] : [result.visual, result.audio];
  });
  await Promise.all(outputs.map((output) => output.data()));
  tf.dispose(outputs);
}

/** @returns `step`, one training step: forward, loss, backward, clipping at 1, AdamW; its result is the loss. */
export async function trainingStep({ network, backend, threads = 2, batch = BATCH[network], accelerator }) {
  const { tf, nn, avalignnet, dinet, selected, normal, config, net, inputs } = await prepared({
    network,
    backend,
    threads,
    accelerator,
  });
  const samples = inputs(batch);
  const flops = () => countFlops(tf, () => forward(tf, net, samples));
  if (dinet) {
    const [masked, references, audio] = samples;
    const frameDiscriminator = new dinet.DinetDiscriminator({ frameCount: 1, width: config.width, seed: 1 });
    const { DinetTrainer } = await load('train');
    const trainer = new DinetTrainer({ generator: net, frameDiscriminator, learningRate: 1e-4 });
    const frames = { real: normal(batch, 104, 80, 3), masked, references, audio, frameCount: 1 };
    const step = async () => (await trainer.step(frames)).generator;
    // As written the pass counts the generator alone; the discriminator of a step is left out.
    return { tf, selected, batch, parameters: net.parameterCount(), step, flops };
  }
  if (config) {
    const { trainedParameters, trainStep } = await load('train');
    const head = new avalignnet.ContrastiveTemperature();
    const optimizer = new nn.AdamW(trainedParameters(net, head), { learningRate: 1e-3 });
    const [frames, features] = samples;
    const windows = { frames, features, clips: Array.from({ length: batch }, (_, row) => Math.floor(row / 6)) };
    const loss = avalignnet.contrastLoss({ temperature: head });
    const step = async () => (await trainStep({ net, head, optimizer, batch: windows, loss })).loss;
    return { tf, selected, batch, parameters: net.parameterCount(), step, flops };
  }
  const optimizer = new nn.AdamW(net.namedParameters(), { learningRate: 1e-3 });
  const [[x], target] = [samples, normal(batch, 10)];
  const step = async () => {
    const { value, gradients } = nn.valueAndGradients(net, () => tf.losses.meanSquaredError(target, net.forward(x)));
    nn.clipGradientNorm(gradients, 1).dispose();
    optimizer.step(gradients);
    nn.disposeGradients(gradients);
    const [loss] = await value.data();
    value.dispose();
    return loss;
  };
  return { tf, selected, batch, parameters: net.parameterCount(), step, flops };
}

/** @returns `step`, a forward pass of a batch in evaluation mode. */
export async function inference({ network, backend, threads = 2, batch = 32, accelerator }) {
  const { tf, selected, net, inputs } = await prepared({ network, backend, threads, accelerator });
  net.eval();
  const samples = inputs(batch);
  const step = () => forward(tf, net, samples);
  return { tf, selected, batch, parameters: net.parameterCount(), step, flops: () => countFlops(tf, step) };
}
