import { readFileSync } from 'node:fs';
import type { NamedArray } from '@lipsync/checkpoints';
import { describe, expect, test } from 'vitest';
import { i3dState } from './i3d-names';

const { shapes } = JSON.parse(readFileSync(new URL('../../fixtures/i3d.json', import.meta.url), 'utf8')) as {
  shapes: Record<string, number[]>;
};
const NAMES = Object.keys(shapes);

const array = (shape: number[]): NamedArray => ({ dtype: 'float32', shape, data: new Float32Array(0) });
const stateOf = (rename: (name: string) => string) => new Map(NAMES.map((name) => [rename(name), array(shapes[name])]));

const BRANCH_OF: Record<string, string> = { b0: '0', b1a: '1.0', b1b: '1.1', b2a: '2.0', b2b: '2.1', b3b: '3.1' };
const TENSORFLOW_OF: Record<string, string> = {
  b0: 'Branch_0.Conv3d_0a_1x1',
  b1a: 'Branch_1.Conv3d_0a_1x1',
  b1b: 'Branch_1.Conv3d_0b_3x3',
  b2a: 'Branch_2.Conv3d_0a_1x1',
  b2b: 'Branch_2.Conv3d_0b_3x3',
  b3b: 'Branch_3.Conv3d_0b_1x1',
};
const branch = (name: string, of: (unit: string) => string) =>
  name.replace(/(Mixed_..)\.(b\w+)/, (_, block, unit) => `${block}.${of(unit)}`);

describe.each<[string, (name: string) => string]>([
  ['the common port', (name) => name],
  ['with prefixes of wrappers', (name) => `module.i3d.${name}`],
  [
    'lower case and branches by number',
    (name) =>
      branch(name, (unit) => `branch_${BRANCH_OF[unit]}`)
        .replace('Mixed', 'mixed')
        .replace('Conv3d_', 'conv3d_')
        .replace('.bn.', '.batch3d.')
        .replace('logits.', 'conv3d_0c_1x1.'),
  ],
  [
    "TensorFlow's own",
    (name) =>
      branch(name, (unit) => TENSORFLOW_OF[unit])
        .replace('Mixed_5b.Branch_2.Conv3d_0b_3x3', 'Mixed_5b.Branch_2.Conv3d_0a_3x3')
        .replace('.conv3d.', '.conv_3d.')
        .replace('.bn.', '.batch_norm.')
        .replace(/^/, 'RGB.inception_i3d.')
        .replace('logits.', 'Logits.Conv3d_0c_1x1.'),
  ],
])('names: %s', (_, rename) => {
  test('come out as those of the common port, each with its own array', () => {
    const renamed = i3dState(stateOf(rename));
    expect([...renamed.keys()].sort()).toEqual([...NAMES].sort());
    for (const [name, { shape }] of renamed) expect(shape).toEqual(shapes[name]);
  });
});

test('a normalisation without scale gets ones', () => {
  const renamed = i3dState(
    stateOf((name) => name.replace(/bn\.weight$/, 'bn.bias')).set('Mixed_3b.b0.bn.running_var', array([64])),
  );
  expect(renamed.get('Mixed_3b.b0.bn.weight')).toEqual({
    dtype: 'float32',
    shape: [64],
    data: new Float32Array(64).fill(1),
  });
});

test('i3dState lists names of no known port, and names that come twice', () => {
  const unknown = new Map([
    ['layers.3.w', array([1])],
    ['Mixed_3b.b9.conv3d.weight', array([1])],
  ]);
  expect(() => i3dState(unknown)).toThrow('got 2 of 2 names of none, or twice: layers.3.w, Mixed_3b.b9.conv3d.weight');
  const twice = stateOf((name) => name).set('mixed_3b.branch_0.conv3d.weight', array([1]));
  expect(() => i3dState(twice)).toThrow('or twice: mixed_3b.branch_0.conv3d.weight');
  const many = new Map(Array.from({ length: 20 }, (_, i) => [`x${i}`, array([1])]));
  expect(() => i3dState(many)).toThrow('x11 and 8 more');
});
