import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import fixture from '../../fixtures/clusters.json';
import { clusterFaces } from './cluster-faces';

const points = fixture.points.map((point) => Float32Array.from(point));

/** Clusters under the numbers of their first members, so that two partitions can be compared. */
const renamed = (clusters: number[]) => clusters.map((cluster) => clusters.indexOf(cluster));

test.each(fixture.cases)(
  'clusterFaces makes the clusters of SciPy at a threshold of $threshold',
  ({ threshold, clusters }) => {
    expect(renamed(clusterFaces(points, { threshold }))).toEqual(renamed(clusters));
  },
);

test('clusterFaces does not depend on the order of the faces, and numbers the largest cluster 0', () => {
  const clusters = clusterFaces(points, { threshold: 0.45 });
  const order = new Random(5).shuffle(points.map((_, i) => i));
  const shuffled = clusterFaces(
    order.map((i) => points[i]),
    { threshold: 0.45 },
  );
  expect(shuffled).toEqual(order.map((i) => clusters[i]));
  const sizes = [...new Set(clusters)]
    .sort((a, b) => a - b)
    .map((cluster) => clusters.filter((other) => other === cluster).length);
  expect(sizes.length).toBeGreaterThan(5);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
});

test('clusterFaces keeps equal faces together, a distant one apart, and its input as it is', () => {
  const [a, b] = [Float32Array.of(0, 1), Float32Array.of(0, 1)];
  expect(clusterFaces([Float32Array.of(3, 0), a, b, a])).toEqual([1, 0, 0, 0]);
  expect(a).toEqual(Float32Array.of(0, 1));
  expect(clusterFaces([])).toEqual([]);
  expect(clusterFaces([a])).toEqual([0]);
});

test('clusterFaces joins what is exactly at the threshold', () => {
  const ends = [Float32Array.of(0), Float32Array.of(0.5)];
  expect(clusterFaces(ends, { threshold: 0.5 })).toEqual([0, 0]);
  expect(new Set(clusterFaces(ends, { threshold: 0.499 })).size).toBe(2);
});

test('clusterFaces refuses lengths that differ, values that are not finite, a threshold of 0 and too many', () => {
  const faces = [Float32Array.of(0, 1), Float32Array.of(0)];
  expect(() => clusterFaces(faces)).toThrow('clusterFaces: descriptors[1] must be 2 values long, got 1');
  expect(() => clusterFaces([Float32Array.of(NaN)])).toThrow('clusterFaces: descriptors[0] must be finite');
  expect(() => clusterFaces([new Float32Array(0)])).toThrow(
    'clusterFaces: descriptors[0] must be one or more values long, got 0',
  );
  expect(() => clusterFaces(points, { threshold: 0 })).toThrow(
    'clusterFaces: threshold must be finite and above 0, got 0',
  );
  expect(() => clusterFaces(new Array<Float32Array>(30_001))).toThrow(
    'clusterFaces: descriptors must be at most 30000, got 30001',
  );
});
