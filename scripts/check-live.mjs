/**
 * The live meter on simulated live input: a drawn talking face on a loop, with an audio clock that is off by 80 parts in
 * a million, time stamps that jitter by 10 ms, frames at 30 a second, lost frames and lost audio, faster than real time.
 *
 *     node scripts/check-live.mjs [--seconds 60] [--jump 30]
 *
 * First the stream of a clip must have the verdict of `scoreFrames` on the clip. Then, for so many seconds of input: the
 * offset stays that of the input (it changes once, after `--jump` seconds, and the change must be found), tensors stay as
 * many as they were (but for one on its way), memory where it was after the first tenth, and frames and audio do not drift apart.
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

const at = (path) => import(new URL(`../${path}/dist/index.js`, import.meta.url).href);
const tf = await import(import.meta.resolve('@tensorflow/tfjs-core'));
const [{ createSyncMeter, loadExpert, scoreFrames }, { selectBackend }, { resample }, drawn] = await Promise.all(
  ['packages/score', 'packages/backends', 'packages/audio-mel', 'examples/embedded-data'].map(at),
);
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, jump: { type: 'string' }, engine: { type: 'string' } },
});
const seconds = Number(values.seconds);
const jumpSec = Number(values.jump ?? seconds / 2);
const LOOP_SEC = 12;
const SIZE = 256;
/** Audio samples a true second, in place of 48000. */
const AUDIO_RATE = 48000 * (1 + 80e-6);
const FRAME_RATE = 30;
const PIECE = 960; // samples, 20 ms
const OFFSETS = [2, -5]; // frames; positive: audio early

/** Frames of 30 a second and audio of 48 kHz of one drawn face that talks for a while. */
function drawLoop() {
  const person = drawn.person(3);
  const track = drawn.articulation(11, LOOP_SEC + 2);
  const motion = drawn.headMotion(person, 11, SIZE);
  const painter = new drawn.FacePainter(person, SIZE);
  const frames = Array.from({ length: LOOP_SEC * FRAME_RATE }, (_, k) => {
    const sec = (k + 0.5) / FRAME_RATE;
    return { data: painter.draw({ mouth: track.at(1 + sec), pose: motion(sec) }, k), width: SIZE, height: SIZE };
  });
  return { frames, audio: resample(drawn.voice(person, track, { seed: 11 }), 48000).samples };
}

const random = randomOf(1);
const { frames, audio } = drawLoop();
await selectBackend({ log: () => undefined });
const expert = await loadExpert();

/** What is seen and heard at a true time of the stream, of an offset in frames. */
const frameAt = (k) => frames[k % frames.length];
function pieceAt(sample, offset) {
  const out = new Float32Array(PIECE);
  for (let i = 0; i < PIECE; i++) {
    // The face is drawn from second 1 on; the clock counts more samples than pass.
    const sec = ((sample + i) / AUDIO_RATE + offset / 25 + 3 * LOOP_SEC) % LOOP_SEC;
    out[i] = audio[Math.round((1 + sec) * 48000)];
  }
  return out;
}

/** The verdict of a clip that is pushed is that of the clip. */
async function compareWithClip() {
  const clip = Array.from({ length: 8 * 25 }, (_, k) => frames[Math.round((k * FRAME_RATE) / 25)]);
  const samples = audio.slice(48000 + 3 * 1920, 48000 + 3 * 1920 + 8 * 48000); // 3 frames early
  const whole = await scoreFrames({ frames: clip, audio: { samples, sampleRate: 48000 } }, { expert });
  const meter = await createSyncMeter({ expert, windowSec: 8 });
  for (const [k, image] of clip.entries()) {
    meter.pushFrame(image, k / 25);
    meter.pushAudio({ samples: samples.subarray(k * 1920, (k + 1) * 1920), sampleRate: 48000 }, k / 25);
    if (meter.waiting > 8) await meter.idle();
  }
  const { faces } = await meter.flush();
  await meter.dispose();
  const [got, expected] = [faces[0].verdict, whole.faces[0].verdict];
  const line = ({ sentence, exactFrames, confidence }) => `${sentence} (${exactFrames}, confidence ${confidence})`;
  console.log(`live: a clip of 8 s: ${line(expected)}; as a stream: ${line(got)}`);
  assert.equal(got.offsetFrames, expected.offsetFrames, 'a stream must have the offset of the clip');
  assert.ok(Math.abs(got.exactFrames - expected.exactFrames) < 0.1, 'exact offsets must agree within 0.1 frames');
  assert.ok(Math.abs(got.confidence - expected.confidence) < 0.02, 'confidences must agree within 0.02');
}

async function simulate() {
  const readings = [];
  const meter = await createSyncMeter({ expert, windowSec: 8, onReading: (reading) => readings.push(note(reading)) });
  const memory = [];
  const started = performance.now();
  let sample = 0;
  let tensors;
  for (let k = 0; k < seconds * FRAME_RATE; k++) {
    const sec = k / FRAME_RATE;
    const offset = OFFSETS[Number(sec >= jumpSec)];
    // One frame of two hundred is lost, and half a second of them every five minutes; audio for 2 s every ten minutes.
    const lost = random() < 0.005 || sec % 300 > 299.5;
    if (!lost) meter.pushFrame(frameAt(k), sec + jitter());
    for (; sample / AUDIO_RATE < sec; sample += PIECE) {
      const time = sample / AUDIO_RATE;
      if (time % 600 > 598) continue;
      meter.pushAudio({ samples: pieceAt(sample, offset), sampleRate: 48000 }, time + (sample === 0 ? 0 : jitter()));
    }
    if (meter.waiting > 10) await meter.idle();
    if (k % (10 * FRAME_RATE) === 0) {
      await meter.idle();
      globalThis.gc?.();
      if (sec >= Math.min(60, seconds / 10)) {
        tensors ??= tf.memory().numTensors;
        // `idle` leaves up to a second of audio, whose embeddings may be on their way.
        const more = Math.abs(tf.memory().numTensors - tensors);
        assert.ok(more <= 1, `tensors after ${sec} s: ${tf.memory().numTensors}, at first ${tensors}`);
        memory.push(process.memoryUsage().rss / 2 ** 20);
      }
      if (sec % 300 === 0 && sec > 0) report(sec, readings, memory, started);
    }
  }
  const last = await meter.flush();
  await meter.dispose();
  report(seconds, readings, memory, started);
  assert.deepEqual(last.dropped, { frames: 0, audioSec: 0 }, 'nothing may be dropped where the input waits');
  check(readings, memory);
}

const note = ({ toSec, problem, faces: [face] }) => ({ toSec, problem, ...pick(face?.verdict) });
const pick = ({ reason, offsetFrames, exactFrames, confidence, parts } = {}) => ({
  reason,
  offsetFrames,
  exactFrames,
  confidence,
  last: parts?.at(-1)?.offsetFrames,
});

/** Readings whose eight seconds lie on one side of the jump. */
const settled = (readings) => [
  readings.filter(({ toSec }) => toSec > 9 && toSec < jumpSec),
  readings.filter(({ toSec }) => toSec > jumpSec + 9),
];

function check(readings, memory) {
  for (const [i, own] of settled(readings).entries()) {
    const right = own.filter(({ offsetFrames }) => Math.abs(offsetFrames - OFFSETS[i]) <= 1 && offsetFrames !== null);
    const wrong = own.filter(({ offsetFrames }) => offsetFrames !== null && Math.abs(offsetFrames - OFFSETS[i]) > 1);
    console.log(`live: offset ${OFFSETS[i]}: ${right.length} of ${own.length} readings right, ${wrong.length} wrong`);
    assert.ok(own.length > 5 && right.length >= 0.9 * own.length, 'nine of ten readings must have the offset');
    assert.equal(wrong.length, 0, 'no reading may have another offset');
    const [first, then] = [right.slice(0, right.length / 2), right.slice(right.length / 2)].map((part) =>
      mean(part.map(({ exactFrames }) => exactFrames)),
    );
    console.log(`live: exact offset ${first.toFixed(2)} in the first half of them, ${then.toFixed(2)} in the second`);
    assert.ok(Math.abs(first - then) < 0.25, 'frames and audio must not drift apart');
  }
  const found = readings.find(
    ({ toSec, last }) => toSec > jumpSec && last !== undefined && last !== null && Math.abs(last - OFFSETS[1]) <= 1,
  );
  assert.ok(found && found.toSec < jumpSec + 9, `the jump must be found within 9 s, got ${found?.toSec}`);
  console.log(`live: the jump at ${jumpSec} s is in the reading of ${found.toSec.toFixed(1)} s`);
  if (memory.length < 12) {
    console.log('live: too short to say whether memory grows; give --seconds 180 or more');
    return;
  }
  const quarter = Math.floor(memory.length / 4);
  const [second, fourth] = [memory.slice(quarter, 2 * quarter), memory.slice(3 * quarter)].map((part) =>
    Math.max(...part),
  );
  console.log(`live: at most ${second.toFixed(0)} MiB in the second quarter, ${fourth.toFixed(0)} MiB in the last`);
  assert.ok(fourth < 1.08 * second + 5, 'memory must not grow');
}

function report(sec, readings, memory, started) {
  const took = (performance.now() - started) / 1000;
  const { offsetFrames, exactFrames, confidence, problem } = readings.at(-1) ?? {};
  console.log(
    `live: ${sec} s in ${took.toFixed(0)} s: offset ${offsetFrames} (${exactFrames}), confidence ${confidence}${problem ?? ''}, ${memory.at(-1)?.toFixed(0)} MiB, ${tf.memory().numTensors} tensors`,
  );
}

function jitter() {
  return 0.02 * (random() - 0.5);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

await compareWithClip();
await simulate();
expert.dispose();
