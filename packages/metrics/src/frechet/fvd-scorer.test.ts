import { readFileSync } from 'node:fs';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { I3D } from '../networks/i3d';
import { formulaClips } from '../testing/formula-images';
import { FVD_PROTOCOLS, type FvdProtocol, FvdScorer, fvdInput } from './fvd-scorer';

type Fixture = {
  shapes: Record<string, number[]>;
  fvd: {
    clips: number;
    frameCount: number;
    height: number;
    width: number;
    size: number;
    '[-1,1]': number;
    '[0,1]': number;
  };
};
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/i3d.json', import.meta.url), 'utf8')) as Fixture;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('FvdScorer equals PyTorch, NumPy and SciPy from clips to the number, in both ranges', async () => {
  const { fvd: wanted, shapes } = fixture;
  const network = new I3D();
  network.loadStateDict(formulaStateDict(Object.entries(shapes)));
  const sets = (['real', 'generated'] as const).map(
    (set) => [set, formulaClips(set, wanted.clips, wanted.frameCount, wanted.height, wanted.width)] as const,
  );
  for (const range of ['[-1,1]', '[0,1]'] as const) {
    const fvd = new FvdScorer({
      network,
      protocol: { ...FVD_PROTOCOLS['stylegan-v'], range, size: wanted.size },
      batchSize: 4,
    });
    const before = tf.memory().numTensors;
    for (const [set, clips] of sets) await fvd.update(clips, set);
    expect(tf.memory().numTensors).toBe(before);
    const score = fvd.compute();
    expect(Math.abs(score.value / wanted[range] - 1)).toBeLessThan(1e-5); // measured 2e-6
    expect(score.sets).toEqual({ real: { samples: 5, rank: 4 }, generated: { samples: 5, rank: 4 } });
    expect(score.notes.slice(0, 4)).toEqual([
      'FVD of 5 clips is not reliable: at least 2048 are needed',
      'few samples make the value too high: compare it only with values of as many clips',
      'the covariance of the real clips has rank 4 of 400',
      'the covariance of the generated clips has rank 4 of 400',
    ]);
    expect(score.notes.length).toBe(range === '[0,1]' ? 5 : 4);
    expect(score.convention).toContain(`16 frames at 32 pixels (bilinear), values ${range}`);
  }
  for (const [, clips] of sets) clips.dispose();
  network.dispose();
});

describe('fvdInput', () => {
  test.each([
    ['unterthiner', -1, 1],
    ['stylegan-v', -1, 1],
    ['latentsync', 0, 1],
  ] as const)('%s: the size and the range of the network', (name, low, high) => {
    const clips = tf.tidy(() =>
      tf.concat([tf.zeros([1, 1, 300, 260, 3]), tf.ones([1, 1, 300, 260, 3])], 1),
    ) as tf.Tensor5D;
    const before = tf.memory().numTensors;
    const x = fvdInput(clips, FVD_PROTOCOLS[name]);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(x.shape).toEqual([1, 2, 224, 224, 3]);
    const data = x.dataSync();
    expect([Math.min(...data.subarray(0, 9)), Math.max(...data.subarray(-9))]).toEqual([low, high]);
    tf.dispose([clips, x]);
  });

  test("latentsync's images are of 8 bits, the others' are not", () => {
    const clips = formulaClips('bits', 1, 2, 260, 300);
    const off = (protocol: FvdProtocol) =>
      tf.tidy(() => {
        const bytes = tf.mul(fvdInput(clips, { ...protocol, range: '[0,1]' }), 255);
        return tf.max(tf.abs(tf.sub(bytes, tf.round(bytes)))).dataSync()[0];
      });
    // measured 0; 255 times a float32 near 1 is off by 1.5e-5 at most
    expect(off(FVD_PROTOCOLS.latentsync)).toBeLessThan(1e-4);
    expect(off(FVD_PROTOCOLS['stylegan-v'])).toBeGreaterThan(0.4);
    clips.dispose();
  });
});

test('FvdScorer takes statistics from an earlier day, and starts afresh', async () => {
  const forward = (x: tf.Tensor5D) => tf.tidy(() => tf.slice(tf.reshape(x, [x.shape[0], -1]), [0, 3000], [-1, 400]));
  const network = { forward } as I3D;
  const protocol = { ...FVD_PROTOCOLS['stylegan-v'], size: 16, frameCount: 9 };
  const clips = formulaClips('day', 4, 9, 20, 30);
  const fvd = new FvdScorer({ network, protocol });
  await fvd.update(clips, 'real');
  const real = fvd.statistics('real').moments();
  const later = new FvdScorer({ network, protocol, real });
  await later.update(clips, 'generated');
  expect(later.compute().value).toBeLessThan(1e-12); // measured 0
  expect(later.compute().samples).toBe(4);
  fvd.reset();
  expect(() => fvd.compute()).toThrow('FvdScorer.compute: real must be at least 2 clips (call update first), got 0');
  clips.dispose();
});

test('FvdScorer refuses other numbers of frames, mixed sizes and protocols that are not there', async () => {
  const fvd = new FvdScorer({ network: {} as I3D });
  expect(fvd.protocol).toBe(FVD_PROTOCOLS['stylegan-v']);
  const short = tf.zeros<tf.Rank.R5>([1, 15, 8, 8, 3]);
  await expect(fvd.update(short, 'real')).rejects.toThrow(
    'clips must be float32 of shape [batch, 16, height, width, 3], got float32 [1, 15, 8, 8, 3]',
  );
  short.dispose();
  expect(() => new FvdScorer({ network: {} as I3D, protocol: 'mine' as 'latentsync' })).toThrow(
    'protocol must be unterthiner, stylegan-v, latentsync, got mine',
  );
  const broken = (change: object) => ({ ...FVD_PROTOCOLS.latentsync, ...change }) as FvdProtocol;
  expect(() => new FvdScorer({ network: {} as I3D, protocol: broken({ range: '[0,255]' }) })).toThrow(
    'FvdScorer: protocol.range must be [-1,1] or [0,1]',
  );
  expect(() => new FvdScorer({ network: {} as I3D, protocol: broken({ resize: 'cubic' }) })).toThrow(
    'FvdScorer: protocol.resize must be',
  );
  expect(() => new FvdScorer({ network: {} as I3D, protocol: broken({ frameCount: 0 }) })).toThrow(
    'FvdScorer: protocol.frameCount must be a whole number from 1, got 0',
  );
});
