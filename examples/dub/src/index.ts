/**
 * Dubs a video: generates the mouth of its face to other audio.
 *
 *   npm run example:dub                                                              on a drawn face that the generator knows, and a new voice
 *   npm run example:dub -- --video FILE --audio FILE --to FILE --weights FILE        on your own
 *
 * Uses the weights of `npm run example:train-dinet`, and runs that first where there are none.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { selectBackend } from '@lipsync/backends';
import { openCheckpoint } from '@lipsync/checkpoints';
import { loadDinet } from '@lipsync/dinet';
import { dubVideo } from '@lipsync/dub';
import { type ShownProgress, showProgress, writeTalkingFace } from '@lipsync/embedded-data';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { LANDMARK_QUALITY } from '@lipsync/sync-windows';

const words = process.argv.slice(2);
const { values: args } = parseArgs({
  args: words[0] === '--' ? words.slice(1) : words,
  options: {
    video: { type: 'string' },
    audio: { type: 'string' },
    to: { type: 'string' },
    weights: { type: 'string' },
    backend: { type: 'string', default: 'auto' },
  },
});
const trained = resolve('lipsync-dinet-example');
const weights = resolve(args.weights ?? join(trained, 'clip/weights.safetensors'));
const folder = join(resolve('lipsync-dub-example'));

// 1. A generator.
if (!existsSync(weights)) {
  if (args.weights) throw new Error(`example:dub: --weights must be a file, got ${args.weights}`);
  console.error('no generator yet: training one on embedded data first');
  const script = fileURLToPath(new URL('../../train-dinet/dist/index.js', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, '--out', trained, '--backend', args.backend], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

// 2. A face of the generator's training data (a few minutes on a few people do not generalise), and another voice.
let [video, voice] = [args.video, args.audio].map((path) => path && resolve(path));
if (!video || !voice) {
  await mkdir(folder, { recursive: true });
  [video, voice] = [video ?? join(trained, 'videos/p00-c0.mp4'), voice ?? join(folder, 'voice.mp4')];
  if (!existsSync(voice)) await writeTalkingFace(voice, { seed: 7202, personSeed: 9202, durationSec: 6 });
}
const to = resolve(args.to ?? join(folder, 'dubbed.mp4'));

// 3. The dub.
await selectBackend({ backend: args.backend as 'auto', log: console.error });
const generator = await loadDinet(weights);
const file = await openCheckpoint(await readFile(weights));
const mouth = Number(file.metadata.mouth);
await file.close();
const reader = await openMedia({ log: console.error });
const { detector: detectorOptions, ...following } = LANDMARK_QUALITY.fast;
const detector = await createLandmarkDetector(detectorOptions);
let bar: ShownProgress | undefined;
let pass: string | undefined;
const report = await dubVideo(video, voice, to, {
  generator,
  mouth,
  reader,
  detector,
  ...following,
  log: console.error,
  onProgress: ({ pass: now, done, total }) => {
    if (now !== pass) {
      bar?.stop();
      bar = showProgress(now, total);
      pass = now;
    }
    bar?.update(done);
  },
});
bar?.stop();
console.log(
  `${report.generated} of ${report.frameCount} frames generated, ${report.framesPerSecond.toFixed(1)} per second`,
);
const { durationSec, video: frame, audio } = await reader.probe(to);
console.log(
  `plays: ${durationSec.toFixed(2)} s, frame ${frame?.width} x ${frame?.height}, audio ${audio?.sampleRate} Hz`,
);
detector.dispose();
generator.dispose();
