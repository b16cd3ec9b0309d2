import { resolve } from 'node:path';
import { type FfmpegReader, openMedia } from '@lipsync/media';
import { buildSketchDatabase, retrieveSketch, sketchView } from '@lipsync/portraits';
import { openEmbedder, scoreVideo, type VideoScore } from '@lipsync/score';
import {
  choice,
  createCommand,
  decimal,
  ExitStatus,
  type OptionsOf,
  UsageError,
  wholeNumber,
} from '../../terminal/command';
import { helpEnd } from '../../terminal/help-end';
import { addReadingOptions, assertFiles, readingOptions } from '../../terminal/media-options';
import {
  backendOption,
  engineOption,
  expertOption,
  jsonOption,
  landmarkDetectorOption,
  landmarkQualityOption,
  threadsOption,
  verboseOption,
} from '../../terminal/options';
import { log, printJson } from '../../terminal/output';
import { assertVideoPath } from '../../terminal/output-path';
import { resolveWeights } from '../../weights/fetch-weights';
import { openMaker } from './landmarks/open-maker';
import { PassBar } from './pass-bar';
import { type KeyPointClip, readClips, sourcesOf, withoutPupils } from './sketch/key-point-clips';
import { describeSketch, type SketchReport } from './sketch/sketch-report';
import { type ShownSketch, sketchedFace, writeSketch } from './sketch/write-sketch';

/** `lipsync sketch`: exit status 130 where Ctrl-C stopped it, 1 where the sketch could not be scored. */
export function sketchCommand() {
  return sketchOptions().action(runSketch);
}

function sketchOptions() {
  const sources = 'video, folder of videos, landmark file (.json), OpenFace table (.csv), folder of OpenPose JSON';
  const command = createCommand(
    'sketch',
    'Draws a talking sketch of one speaker: for each frame of a recording the contours of the frame of the speaker’s own recordings whose face is nearest.',
  )
    .argument('<database>', `recordings of the speaker: ${sources}`)
    .argument('<query>', 'one recording of the same kinds, of the same or another speaker')
    .argument('<out>', 'video that is written: .mp4, .m4v, .mov or .mkv')
    .addOption(
      choice(
        '--decoder <name>',
        'nearest: the nearest frame for each frame by itself; viterbi: the path for which distances and transitions together cost least',
        ['nearest', 'viterbi'],
      ).default('nearest' as const),
    )
    .addOption(decimal('--transition <weight>', 'what a transition counts beside a distance, for viterbi').default(0.3))
    .addOption(wholeNumber('--candidates <n>', 'frames that viterbi considers for each frame', 1).default(25))
    .addOption(
      choice('--speaker <name>', 'whose face QUERY shows; other: movements are compared, not the shapes of two faces', [
        'same',
        'other',
      ]).default('same' as const),
    )
    .addOption(wholeNumber('--size <px>', 'side of the video, even', 64).default(512))
    .option('--landmarks <folder>', 'keep the landmarks of videos here; those that are there are not made again')
    .option('--audio <file>', 'audio of OUT (default: that of QUERY, if it is a video)')
    .option('--no-score', 'leave out the scores of OUT and QUERY')
    .addOption(expertOption('scores OUT and QUERY (default: pretrained)'))
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption());
  return addReadingOptions(command, { audio: 'QUERY', video: 'video' })
    .option('--force', 'overwrite OUT')
    .addOption(jsonOption())
    .addOption(engineOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText(
      'after',
      helpEnd({
        words: ['expert'],
        examples: ['sketch speaker query.mp4 sketch.mp4 --decoder viterbi --landmarks landmarks'],
      }),
    );
}

type SketchWords = OptionsOf<ReturnType<typeof sketchOptions>>;

/** What a run holds: its parts are freed at its end. */
type Run = { reader: FfmpegReader; weights: string; stop: AbortSignal; bar: PassBar; options: SketchWords };

async function runSketch(database: string, query: string, out: string, options: SketchWords): Promise<void> {
  await assertVideoPath(resolve(out), { DATABASE: resolve(database), QUERY: resolve(query) }, options.force === true);
  if (options.size % 2 !== 0) throw new UsageError(`--size must be even, got ${options.size}`);
  if (options.audio !== undefined) await assertFiles('--audio', [options.audio]);
  const sources = await sourcesOf('DATABASE', database);
  const asked = await sourcesOf('QUERY', query);
  if (asked.length !== 1) throw new UsageError(`QUERY must be one recording, got ${query}: ${asked.length} of them`);
  const weights = await resolveWeights(options.expert ?? 'pretrained', '--expert');
  const reader = await openMedia({ ...readingOptions(options), log });
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const run: Run = { reader, weights, stop: stop.signal, bar: new PassBar(), options };
  try {
    const report = await makeSketch(out, { sources, asked, names: { database, query } }, run);
    run.bar.stop();
    for (const line of describeSketch(report)) log(line);
    if (options.json) printJson(report);
    if (options.score && report.scores === undefined && report.audio !== undefined) throw new ExitStatus(1);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    run.bar.stop();
    log('lipsync sketch: stopped; OUT was not written');
    throw new ExitStatus(130);
  } finally {
    run.bar.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

type Sources = Awaited<ReturnType<typeof sourcesOf>>;

async function makeSketch(
  out: string,
  input: { sources: Sources; asked: Sources; names: { database: string; query: string } },
  run: Run,
): Promise<SketchReport> {
  const lap = stopwatch();
  const { options, bar } = run;
  const { clips, faceless, asked } = await readBoth(input, run);
  const landmarks = lap();
  const base = buildSketchDatabase(clips.map((clip) => clip.keyPoints));
  const { decoder, speaker, candidates, transition: transitionWeight, size } = options;
  const settings = { decoder, speaker, candidates, transitionWeight };
  const onProgress = (done: number, total: number) => bar.update('sketch', done, total);
  const sketch = retrieveSketch(base, asked.keyPoints, { ...settings, onProgress });
  const retrieve = lap();
  const shown: ShownSketch = {
    ...{ points: sketch.points, pointCount: base.pointCount, view: sketchView(base), size },
    ...{ frameCount: asked.frameCount, firstFrame: asked.firstFrame },
  };
  const audio = await audioOf(asked, run);
  await writeSketch(resolve(out), shown, {
    ...{ audioFile: audio, ffmpegPath: run.reader.ffmpeg.path, signal: run.stop, log: (line) => bar.log(line) },
    onFrame: (done) => bar.update('write', done, shown.frameCount),
  });
  const write = lap();
  bar.stop();
  const scores = options.score && audio !== undefined ? await scoreBoth(resolve(out), asked, shown, run) : undefined;
  const { frame } = base.reference;
  const clip = base.starts.findIndex((start, i) => start <= frame && frame < base.starts[i + 1]);
  return {
    ...{
      ...input.names,
      out,
      audio,
      decoder,
      speaker,
      ...(decoder === 'viterbi' ? { transitionWeight, candidates } : {}),
    },
    ...{ clips: clips.length, faceless, databaseFrames: base.frameCount, points: base.pointCount },
    ...{ reference: { clip: clips[clip].name, frame: frame - base.starts[clip] + clips[clip].firstFrame } },
    ...{ frameCount: asked.frameCount, firstFrame: asked.firstFrame, faceFrames: asked.keyPoints.frameCount },
    ...{ distance: sketch.distance, jitter: sketch.jitter, continued: sketch.continued },
    frames: Array.from(sketch.frames),
    seconds: { landmarks, retrieve, write, score: lap() },
    scores,
  };
}

/** The recordings of both, with as many points. */
async function readBoth({ sources, asked, names }: Parameters<typeof makeSketch>[1], run: Run) {
  const { options, bar, reader, stop } = run;
  const needed = [...sources, ...asked].some(({ kind }) => kind === 'video');
  const folder = options.landmarks === undefined ? undefined : resolve(options.landmarks);
  const { maker, dispose } = await openMaker(options, { reader, signal: stop, needed, folder });
  try {
    const total = sources.length + 1;
    const show = (done: number, name: string) => bar.update('landmarks', done, total, name);
    const base = await readClips(sources, maker, show);
    const queried = await readClips(asked, maker, (done, name) => show(sources.length + done, name));
    if (base.clips.length === 0) throw new Error(`DATABASE must show a face, got ${names.database}: none was found`);
    if (queried.clips.length === 0) throw new Error(`QUERY must show a face, got ${names.query}: none was found`);
    const all = [...base.clips, ...queried.clips];
    const sizes = new Set(all.map(({ keyPoints }) => keyPoints.points.length / keyPoints.frameCount));
    const same = sizes.size === 1 ? all : all.map(withoutPupils);
    return { clips: same.slice(0, -1), faceless: base.faceless, asked: same[same.length - 1] };
  } finally {
    dispose();
  }
}

/** The file whose audio OUT has: the one that was given, or QUERY, where that is a video with audio. */
async function audioOf({ video }: KeyPointClip, { options, reader }: Run): Promise<string | undefined> {
  if (options.audio !== undefined) return resolve(options.audio);
  if (video === undefined) return undefined;
  const info = await reader.probe(video);
  return info.audio ? resolve(video) : undefined;
}

/** Scores of the sketch and of the recording; undefined where there is no way to score. */
async function scoreBoth(
  out: string,
  { video }: KeyPointClip,
  shown: ShownSketch,
  { options, reader, weights }: Run,
): Promise<SketchReport['scores']> {
  try {
    const { engine, backend, threads, verbose } = options;
    const expert = await openEmbedder(weights, { engine, backend, threads, verbose, log });
    try {
      const plain = await openMedia({ ffmpegPath: reader.ffmpeg.path, log: () => {} });
      const drawn = { detector: sketchedFace(shown), collect: { stride: 1 } };
      const sketch = await scoreVideo(out, { expert, reader: plain, log, ...drawn });
      const original: VideoScore | undefined =
        video === undefined ? undefined : await scoreVideo(video, { expert, reader, log });
      return { sketch: withoutWindows(sketch), ...(original ? { original: withoutWindows(original) } : {}) };
    } finally {
      await expert.dispose();
    }
  } catch (error) {
    log(`not scored: ${(error as Error).message}`);
    return undefined;
  }
}

/** A score without the values of each window, which would fill pages. */
function withoutWindows(score: VideoScore): VideoScore {
  return { ...score, faces: score.faces.map((face) => ({ ...face, perWindow: { distances: [], confidences: [] } })) };
}

function stopwatch(): () => number {
  let started = performance.now();
  return () => {
    const spent = (performance.now() - started) / 1000;
    started = performance.now();
    return spent;
  };
}
