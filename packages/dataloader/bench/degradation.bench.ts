import { performance } from 'node:perf_hooks';
import { changeGain } from '@lipsync/audio-mel';
import { addNoise, degradeAudio, roomResponse, throughTelephone } from '../src/degrade/audio-degradation';
import { audioNoise, NOISE_KINDS } from '../src/degrade/audio-noise';
import { blurFrames, compressFrames } from '../src/degrade/frame-degradation';

/** Milliseconds to degrade a second of audio. */
const second = Float32Array.from({ length: 16000 }, (_, i) => Math.sin(i * i * 1e-4) * 0.1);
const room = (rt60Sec: number) => ({ rt60Sec, directDb: 5, start: 3 });
const all = { room: room(0.8), noise: { kind: 'babble', snrDb: 10, start: 5 }, telephone: true, gainDb: 3 } as const;
const plain = { telephone: false, gainDb: 0 };

const once = (name: string, work: () => unknown) => {
  const start = performance.now();
  work();
  console.log(`${name}, once: ${(performance.now() - start).toFixed(1)} ms`);
};
const time = (name: string, work: () => unknown) => {
  const times = Array.from({ length: 100 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  }).sort((a, b) => a - b);
  console.log(`${name}: median ${times[50].toFixed(2)} ms, fastest tenth ${times[10].toFixed(2)} ms`);
};
for (const kind of NOISE_KINDS) once(`${kind} noise made`, () => audioNoise(kind));
once('first room of 0.8 s', () => degradeAudio(second, { ...plain, room: room(0.8) }));
time('gain', () => changeGain(second, 3));
time('noise', () => addNoise(second, { kind: 'pink', snrDb: 10, start: 9 }));
for (const rt60Sec of [0.15, 0.4, 0.8, 1]) {
  time(`response of a room of ${rt60Sec} s`, () => roomResponse(room(rt60Sec)));
  time(`room of ${rt60Sec} s`, () => degradeAudio(second, { ...plain, room: room(rt60Sec) }));
}
time('telephone', () => throughTelephone(second));
time('all, room of 0.8 s', () => degradeAudio(second, all));

/** Milliseconds to degrade ten frames of 48x48, and of 96x96 as they are stored. */
for (const side of [48, 96]) {
  const frames = Uint8Array.from(
    { length: 10 * side * side * 3 },
    (_, i) => 128 + 60 * Math.sin(i / 200) + ((i * 7919) % 41),
  );
  const size = { height: side, width: side };
  for (const sigma of [0.5, 1.5, 3])
    time(`ten ${side}x${side}, blur of ${sigma}`, () => blurFrames(frames, { ...size, sigma }));
  for (const quality of [20, 60, 95])
    time(`ten ${side}x${side}, JPEG of ${quality}`, () => compressFrames(frames, { ...size, quality }));
}
