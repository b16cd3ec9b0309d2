// What stands before the networks: mel of an hour of audio beside torchaudio, and landmarks a second on a video.
//
//     pnpm build && node bench/features.mjs [--hours 1] [--video FILE] [--rounds 5] [--python /usr/bin/python3] [--json]
//
// Mel: 16 kHz, as a stream in pieces of ten seconds, one thread, beside torchaudio over the same number of samples in pieces of the same size; the ratio is
// ours by theirs. Landmarks: frames of the video through decoder, detector and landmark network, two threads; without --video one under
// LIPSYNC_SHARED is taken, or the figure left out. Medians, lowest and highest.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load } from './support/training-step.mjs';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    video: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const rounds = Number(values.rounds);
const seconds = Math.round(3600 * Number(values.hours));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const spread = (numbers) => ({ seconds: median(numbers), lowest: Math.min(...numbers), highest: Math.max(...numbers) });

const PYTHON = `
import json, sys, time, torch, torchaudio
torch.set_num_threads(1)
transform = torchaudio.transforms.MelSpectrogram(sample_rate=16000, n_fft=800, win_length=800, hop_length=200, f_min=55.0, f_max=7600.0,
    n_mels=80, power=1.0, center=True, pad_mode="reflect", norm="slaney", mel_scale="slaney")
piece = 0.2 * (torch.rand(160000) - 0.5)
with torch.inference_mode():
    started = time.perf_counter()
    for _ in range(int(sys.argv[1]) // 10):
        y = torch.cat([piece[:1], piece[1:] - 0.97 * piece[:-1]])
        level = 20 * torch.log10(torch.clamp(transform(y), min=1e-5)) - 20
        torch.clamp(8 * (level + 100) / 100 - 4, -4, 4)
    print(json.dumps({"seconds": time.perf_counter() - started, "torchaudio": torchaudio.__version__}))
`;

async function mel() {
  const { featureStream } = await load('audio-mel');
  const piece = Float32Array.from({ length: 160_000 }, (_, i) => 0.1 * Math.sin(i * 12.9898));
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const stream = featureStream('THESIS_MEL');
    let steps = 0;
    for (let second = 0; second < seconds; second += 10) steps += stream.push(piece).length / 80;
    steps += stream.end().length / 80;
    ours.push((performance.now() - started) / 1e3);
    if (steps < seconds * 80)
      throw new Error(`bench: the stream must give 80 steps a second, got ${steps} for ${seconds} s`);
    try {
      theirs.push(
        JSON.parse(
          execFileSync(values.python, ['-c', PYTHON, `${seconds}`], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          }),
        ).seconds,
      );
    } catch {
      if (round === 0) console.error('mel: torchaudio skipped, it is not there');
    }
  }
  const torch = theirs.length > 0 ? { torchaudio: spread(theirs), ratio: median(ours) / median(theirs) } : {};
  return { hours: seconds / 3600, ...spread(ours), ...torch };
}

async function landmarks() {
  const path = values.video ?? join(root, process.env.LIPSYNC_SHARED ?? '../shared', 'data/wild/German_20s.mp4');
  if (!existsSync(path)) {
    console.error('landmarks: skipped, no video (--video, or LIPSYNC_SHARED)');
    return undefined;
  }
  const [{ selectBackend }, { createLandmarkDetector }, { openMedia }, { openTrackedVideo }] = await Promise.all(
    ['backends', 'face-crop', 'media', 'sync-windows'].map(load),
  );
  const { reason } = await selectBackend({ backend: 'wasm-threaded', threads: 2 });
  const detector = await createLandmarkDetector();
  const reader = await openMedia();
  const times = [];
  let frameCount = 0;
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now();
    const video = await openTrackedVideo({ path: resolve(path), reader, detector });
    frameCount = video.frameCount;
    video.release();
    if (round > 0) times.push((performance.now() - started) / 1e3);
  }
  detector.dispose();
  return { frameCount, perSecond: frameCount / median(times), ...spread(times), reason };
}

const result = { load: loadavg()[0], mel: await mel(), landmarks: await landmarks() };
if (values.json) console.log(JSON.stringify(result, null, 2));
else {
  const { mel: features, landmarks: faces } = result;
  const beside = features.torchaudio
    ? `; torchaudio ${features.torchaudio.seconds.toFixed(2)} s, ratio ${features.ratio.toFixed(2)}`
    : '';
  console.log(
    `mel of ${features.hours} h: ${features.seconds.toFixed(2)} s (${features.lowest.toFixed(2)}-${features.highest.toFixed(2)})${beside}`,
  );
  if (faces)
    console.log(
      `landmarks: ${faces.perSecond.toFixed(0)} frames a second, ${faces.frameCount} in ${faces.seconds.toFixed(2)} s (${faces.lowest.toFixed(2)}-${faces.highest.toFixed(2)}); ${faces.reason}`,
    );
}
process.exit(0);
