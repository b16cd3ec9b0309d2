// CPU seconds of a training step of recurrent layers on the wasm backend, and of PyTorch with one thread where it is installed:
//   pnpm --filter @lipsync/nn build && node bench/recurrent.mjs [batch, default 32] [steps, default 240]
import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import { selectBackend } from '../packages/backends/dist/index.js';
import { AdamW, disposeGradients, Gru, Lstm, Random, valueAndGradients } from '../packages/nn/dist/index.js';

const seconds = (start) => (process.cpuUsage(start).user + process.cpuUsage(start).system) / 1e6;
const [batch = 32, time = 240] = process.argv.slice(2).map(Number);
await selectBackend({ backend: 'wasm' });
const layers = {
  'LSTM 512, 3 x 256': new Lstm({ inputSize: 512, hiddenSize: 256, layers: 3, random: new Random(0) }),
  'GRU 80, 3 x 512': new Gru({ inputSize: 80, hiddenSize: 512, layers: 3, random: new Random(0) }),
};
for (const [name, layer] of Object.entries(layers)) {
  const optimizer = new AdamW(layer.namedParameters(), { learningRate: 1e-4 });
  const x = tf.randomNormal([batch, time, layer.inputSize], 0, 1, 'float32', 1);
  const times = [];
  for (let run = 0; run < 3; run++) {
    const start = process.cpuUsage();
    const { value, gradients } = valueAndGradients(layer, () => tf.mean(tf.square(layer.forward(x))));
    optimizer.step(gradients);
    await value.data();
    disposeGradients(gradients);
    value.dispose();
    times.push(seconds(start));
  }
  const start = process.cpuUsage();
  layer.forward(tf.ones([1, time, layer.inputSize])).dataSync();
  const forward = 1000 * seconds(start);
  console.log(
    `${name}, batch ${batch} of ${time}: step ${times.map((each) => each.toFixed(2)).join(' ')} s; alone forward ${forward.toFixed(0)} ms`,
  );
  optimizer.dispose();
  layer.dispose();
}
const python = `
import time, torch
torch.set_num_threads(1)
for name, net in (('LSTM', torch.nn.LSTM(512, 256, 3, batch_first=True)), ('GRU', torch.nn.GRU(80, 512, 3, batch_first=True))):
    x = torch.randn(${batch}, ${time}, net.input_size)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-4)
    for _ in range(2):
        start = time.process_time()
        optimizer.zero_grad(); net(x)[0].square().mean().backward(); optimizer.step()
    print('PyTorch', name, '%.2f s' % (time.process_time() - start))
`;
const { stdout } = spawnSync('/usr/bin/python3', ['-c', python], { encoding: 'utf8' });
console.log(stdout ?? '');
