import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { type FaceTrack, MediaError, type Waveform } from '@lipsync/contracts';
import { listVideos } from '@lipsync/dataloader';
import { parseLandmarkFile } from '@lipsync/face-crop';
import { type FfmpegReader, joinWaveform, openMedia } from '@lipsync/media';
import { savePortraitClip, trackPortraits } from '@lipsync/portraits';
import { createCommand, ExitStatus, type OptionsOf } from '../../terminal/command';
import { helpEnd } from '../../terminal/help-end';
import { addReadingOptions, assertFolderOrFile, mediaSentence, readingOptions } from '../../terminal/media-options';
import {
  backendOption,
  engineOption,
  jsonOption,
  landmarkDetectorOption,
  landmarkQualityOption,
  threadsOption,
  verboseOption,
} from '../../terminal/options';
import { log, printJson } from '../../terminal/output';
import { LANDMARK_FPS, landmarkText } from './landmarks/landmark-cache';
import { openMaker } from './landmarks/open-maker';
import { PassBar } from './pass-bar';

/** `lipsync portrait`. */
export function portraitCommand() {
  return createCommand('portrait', 'Prepares recordings of one person for a talking portrait.').addCommand(
    prepareOptions().action(runPrepare),
  );
}

function prepareOptions() {
  const command = createCommand(
    'prepare',
    'Follows one person’s face in recordings: 73 points in 3D and a pose for each frame, beside the audio.',
  )
    .argument('<videos>', 'folder of videos of one person, at any depth, or one video')
    .argument('<store>', 'folder that is written: a file for each video, their landmarks, manifest.json')
    .addOption(landmarkQualityOption())
    .addOption(landmarkDetectorOption());
  return addReadingOptions(command)
    .addOption(jsonOption())
    .addOption(engineOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(verboseOption())
    .addHelpText('after', helpEnd({ examples: ['portrait prepare recordings store --landmark-quality careful'] }));
}

/** What was prepared. */
export type PortraitManifest = {
  format: 'lipsync portraits 1';
  /** Frames a second of the tracks. */
  fps: number;
  /** Size of the recordings' frames. */
  image: { width: number; height: number };
  clips: { file: string; source: string; firstFrame: number; frameCount: number }[];
  /** Videos that were left out, and why. */
  dropped: { source: string; reason: string }[];
  /** See `PortraitTrack`. */
  error: { generic: number; person: number };
};

/** A recording that can be used. */
type Recording = { source: string; track: FaceTrack; width: number; height: number; audio: Waveform };

/** Shorter faces teach nothing: a second. */
const LEAST_FRAMES = LANDMARK_FPS;

async function runPrepare(
  videos: string,
  store: string,
  options: OptionsOf<ReturnType<typeof prepareOptions>>,
): Promise<void> {
  await assertFolderOrFile('VIDEOS', videos);
  const list = await listVideos(videos);
  const folder = resolve(store);
  await mkdir(folder, { recursive: true });
  const reader = await openMedia({ ...readingOptions(options), log });
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const bar = new PassBar();
  const parts = { reader, signal: stop.signal, folder: join(folder, 'landmarks') };
  try {
    const { maker, dispose } = await openMaker(options, parts);
    const dropped: PortraitManifest['dropped'] = [];
    const recordings: Recording[] = [];
    try {
      for (const [i, source] of list.sources.entries()) {
        stop.signal.throwIfAborted();
        bar.update('landmarks', i, list.sources.length, source);
        const path = join(list.folder, source);
        try {
          const text = await landmarkText(path, nameOf(source), maker);
          const found = await recordingOf(source, { path, text, reader, first: recordings[0] });
          if (typeof found === 'string') dropped.push({ source, reason: found });
          else recordings.push(found);
        } catch (error) {
          if (stop.signal.aborted || !(error instanceof MediaError)) throw error; // the signal reaches ffmpeg, too
          dropped.push({ source, reason: mediaSentence(error) ?? error.message });
        }
      }
      bar.update('landmarks', list.sources.length, list.sources.length);
    } finally {
      dispose();
    }
    bar.stop();
    if (recordings.length === 0)
      throw new Error(
        `VIDEOS must show a face, got ${videos}: ${dropped.map(({ reason }) => reason)[0] ?? 'no video'}`,
      );
    stop.signal.throwIfAborted();
    const manifest = await writeStore(folder, { recordings, dropped }, bar);
    bar.stop();
    describe(manifest, store);
    if (options.json) printJson(manifest);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    bar.stop();
    log('lipsync portrait prepare: stopped; the same command resumes');
    throw new ExitStatus(130);
  } finally {
    bar.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** A recording with its audio, or why it cannot be used. */
async function recordingOf(
  source: string,
  { path, text, reader, first }: { path: string; text: string; reader: FfmpegReader; first: Recording | undefined },
): Promise<Recording | string> {
  const tracks = parseLandmarkFile(text, { minFrames: LEAST_FRAMES });
  const track = tracks.sort((a, b) => b.frameCount - a.frameCount)[0];
  if (!track) return 'no face for a second';
  const { video, audio } = await reader.probe(path);
  if (!audio) return 'no audio';
  const { width, height } = video as { width: number; height: number };
  if (first && (first.width !== width || first.height !== height))
    return `frames of ${width} x ${height}, those before have ${first.width} x ${first.height}`;
  return { source, track, width, height, audio: await joinWaveform(reader.audio(path)) };
}

async function writeStore(
  folder: string,
  { recordings, dropped }: { recordings: Recording[]; dropped: PortraitManifest['dropped'] },
  bar: PassBar,
): Promise<PortraitManifest> {
  const [{ width, height }] = recordings;
  const image = { width, height };
  const tracks = trackPortraits(
    recordings.map(({ track }) => track),
    { image },
  );
  const clips: PortraitManifest['clips'] = [];
  for (const [i, { source, audio }] of recordings.entries()) {
    const track = tracks[i];
    const file = `${nameOf(source)}.safetensors`;
    await writeFileAtomic(join(folder, file), savePortraitClip({ track, fps: LANDMARK_FPS, audio }));
    clips.push({ file, source, firstFrame: track.firstFrame, frameCount: track.frameCount });
    bar.update('write', i + 1, recordings.length);
  }
  const { error } = tracks[0];
  const manifest: PortraitManifest = { format: 'lipsync portraits 1', fps: LANDMARK_FPS, image, clips, dropped, error };
  await writeFileAtomic(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

function describe({ clips, dropped, error, fps }: PortraitManifest, store: string): void {
  const frames = clips.reduce((sum, { frameCount }) => sum + frameCount, 0);
  const fit = `${(100 * error.person).toFixed(2)} % of the eye distance (generic face ${(100 * error.generic).toFixed(2)} %)`;
  log(`${store}: ${clips.length} recordings, ${frames} frames, ${(frames / fps / 60).toFixed(1)} min; fit ${fit}`);
  for (const { source, reason } of dropped) log(`left out: ${source}: ${reason}`);
}

/** Files lie in one folder, whatever folder their video is in. */
const nameOf = (source: string) => source.replace(/[\\/]/g, '__');
