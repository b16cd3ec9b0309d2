import { expect, test } from 'vitest';
import { identifyNetwork, KNOWN_NETWORKS, nearestNetwork } from './known-networks';

const shapesOf = (name: string) => {
  const { identifiedBy } = KNOWN_NETWORKS.find((network) => network.name === name) as (typeof KNOWN_NETWORKS)[number];
  return new Map(identifiedBy.map(([key, shape]) => [key, shape.map((side) => side ?? 7)]));
};

test.each(KNOWN_NETWORKS.map(({ name }) => name))(
  'identifyNetwork recognises %s by its identifying parameters and takes it for no other network',
  (name) => {
    const shapes = shapesOf(name);
    expect(identifyNetwork(shapes)?.name).toBe(name);
    const more = new Map([...shapes, ['something.else.weight', [1]]]);
    expect(identifyNetwork(more)?.name).toBe(name);
    const [first] = shapes.keys();
    shapes.set(first, [1, 2, 3, 4, 5, 6]);
    expect(identifyNetwork(shapes)?.name).not.toBe(name);
  },
);

test('identifyNetwork tells networks with common parameter names apart', () => {
  const generator = shapesOf('wav2lip-generator');
  expect(identifyNetwork(new Map([...generator, ...shapesOf('wav2lip-discriminator')]))?.name).not.toBe(
    'wav2lip-generator',
  );
  expect(identifyNetwork(new Map())).toBeUndefined();
});

test('nearestNetwork finds the network that shares most parameter names', () => {
  const shapes = shapesOf('syncnet');
  shapes.delete('netfclip.3.weight');
  expect(nearestNetwork(shapes)).toMatchObject({ network: { name: 'syncnet' }, fitting: 2 });
  expect(nearestNetwork(new Map([['x', [1]]]))).toBeUndefined();
});
