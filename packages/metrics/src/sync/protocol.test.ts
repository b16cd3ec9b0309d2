import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { meanOfTracks, PROTOCOLS, protocolHash, referenceWindows, type SyncProtocol } from './protocol';

test('protocolHash is that of the rules alone, whatever the order of the keys', async () => {
  const { source: _, ...rules } = PROTOCOLS['syncnet-demo'];
  const text = JSON.stringify(
    Object.fromEntries(
      Object.entries({ ...rules, crop: { kind: 'whole frame', resize: 'none', size: 224 } }).sort(([a], [b]) =>
        a < b ? -1 : 1,
      ),
    ),
  );
  expect(await protocolHash(PROTOCOLS['syncnet-demo'])).toBe(createHash('sha256').update(text).digest('hex'));
  const turned = Object.fromEntries(Object.entries(PROTOCOLS.latentsync).reverse()) as typeof PROTOCOLS.latentsync;
  expect(await protocolHash(turned)).toBe(await protocolHash(PROTOCOLS.latentsync));
  expect(await protocolHash({ ...PROTOCOLS.latentsync, source: 'elsewhere' })).toBe(
    await protocolHash(PROTOCOLS.latentsync),
  );
  expect(await protocolHash({ ...PROTOCOLS.latentsync, maxShift: 10 })).not.toBe(
    await protocolHash(PROTOCOLS.latentsync),
  );
  expect(new Set(await Promise.all(Object.values(PROTOCOLS).map(protocolHash))).size).toBe(
    Object.keys(PROTOCOLS).length,
  );
});

test('the presets have the references’ numbers', () => {
  expect(PROTOCOLS['syncnet-pipeline']).toMatchObject({
    maxShift: 15,
    crop: { scale: 0.4, size: 224 },
    tracks: { minFrames: 100, maxGap: 25, minFaceSize: 100 },
  });
  expect(PROTOCOLS.latentsync.tracks.minFrames).toBe(50);
  for (const name of ['syncnet-demo', 'syncnet-pipeline', 'wav2lip-lrs', 'latentsync'] as const) {
    expect(PROTOCOLS[name]).toMatchObject({ edges: 'zero', windows: 'reference', maxShift: 15 });
  }
});

test('published protocols take frames through JPEG; beside each stands one that decodes them our way', () => {
  for (const name of ['syncnet-demo', 'wav2lip-lrs', 'syncnet-pipeline', 'latentsync'] as const) {
    const { frames, name: _, source, ...published }: SyncProtocol = PROTOCOLS[name];
    const { name: beside, source: __, ...decoded }: SyncProtocol = PROTOCOLS[`${name}-decoded`];
    const { container, ...tracks } = published.tracks ?? {};
    expect(frames).toBe('jpeg');
    expect(container).toBe({ 'syncnet-pipeline': 'avi', latentsync: 'mp4' }[name as string]);
    expect(beside).toBe(`${name}-decoded`);
    expect(decoded).toEqual(published.tracks ? { ...published, tracks } : published);
    expect(source).not.toMatch(/decoded/);
  }
  expect(PROTOCOLS.recipe).not.toHaveProperty('frames');
});

test('referenceWindows is min(frames, floor(samples / 640)) - 5, and 0 where the reference stops with an error', () => {
  expect(referenceWindows(125, 80_000)).toBe(120);
  expect(referenceWindows(125, 79_999)).toBe(119);
  expect(referenceWindows(100, 80_000)).toBe(95);
  expect([referenceWindows(5, 80_000), referenceWindows(6, 80_000), referenceWindows(100, 3000)]).toEqual([0, 1, 0]);
});

test('meanOfTracks cuts the mean offset to a whole number, as LatentSync does', () => {
  const mean = meanOfTracks([
    { offsetFrames: -3, lseC: 2, lseD: 8 },
    { offsetFrames: 0, lseC: 4, lseD: 9 },
  ]);
  expect(mean).toEqual({ offsetFrames: -1, lseC: 3, lseD: 8.5 });
  expect(() => meanOfTracks([])).toThrow('meanOfTracks: tracks must be at least one');
});
