import { AUDIO_SAMPLE_RATE, type FaceTrack, type VerdictCalibration } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import {
  batchSizeFor,
  type Embedder,
  ImageCounter,
  localEmbedder,
  meanOfTracks,
  referenceWindows,
  type SyncScore,
  type SyncVerdict,
  syncVerdict,
  WindowScorer,
} from '@lipsync/metrics';
import type { FrameWindow } from '@lipsync/sync-windows';
import type { AudioEmbeddings } from '../embed/audio-embeddings';
import { type ProtocolOptions, type ScoreProtocol, scoreProtocol } from '../protocol/score-protocol';
import { faceFacts } from './face-facts';
import { placesOf } from './face-place';
import { faceScore, type VideoScore } from './face-score';
import { lipActivity } from './lip-activity';
import type { SpeechFlags } from './speech-flags';

/** An expert and the rules by which it scores. */
export type Scoring = {
  embedder: Embedder;
  protocol: ScoreProtocol;
  batchSize: number;
  /** Of the verdicts; none: they have no confidence. */
  calibration?: VerdictCalibration;
};

/** @param expert on the backend that is set, or anywhere else; borrowed. */
export async function openScoring(
  expert: SyncExpert | Embedder,
  options: ProtocolOptions & { calibration?: VerdictCalibration },
): Promise<Scoring> {
  const embedder = 'encodeVisual' in expert ? localEmbedder(expert) : expert;
  const protocol = await scoreProtocol(embedder.expert, options);
  const { calibration = embedder.expert.calibration } = options;
  return { embedder, protocol, batchSize: batchSizeFor(protocol.recipe), calibration };
}

export type FaceAudio = { audio: AudioEmbeddings; speech: SpeechFlags; firstFrame: number };

/** Faces to score: their frame windows in the order of the frames, and the audio that belongs to each. */
export type Faces = {
  tracks: readonly FaceTrack[];
  windows: AsyncIterable<FrameWindow>;
  /** The audio of a face, and where it has speech; `firstFrame` is the frame of the video at which it begins. */
  audioOf(track: FaceTrack): FaceAudio;
  /** Frames of the video and samples of its audio, once all windows have been read. */
  extent(): { frameCount: number; samples: number };
  /** Gets each window before it is scored. */
  onWindow?: (window: FrameWindow) => void;
};

/** Scores all faces in one pass over the windows and adds the results to `score`. */
export async function scoreFaces(faces: Faces, scoring: Scoring, score: VideoScore): Promise<void> {
  const { tracks, windows, audioOf, extent, onWindow } = faces;
  if (tracks.length === 0) return;
  const scorers = new Map(
    tracks.map((track) => [track, new FaceScorer(audioOf(track), scoring, tracks.length)] as const),
  );
  for await (const window of windows) {
    onWindow?.(window);
    await scorers.get(window.track)?.add(window);
  }
  const { protocol } = scoring;
  const { frameCount: allFrames, samples: allSamples } = extent();
  score.frameCount = allFrames;
  const samplesPerFrame = AUDIO_SAMPLE_RATE / protocol.recipe.fps;
  for (const [track, scorer] of scorers) {
    const frameCount = Math.min(track.frameCount, allFrames - track.firstFrame);
    const samples = Math.min(allSamples - track.firstFrame * samplesPerFrame, track.frameCount * samplesPerFrame);
    const limit = protocol.windows === 'reference' ? referenceWindows(frameCount, samples) : Infinity;
    const found = await scorer.finish(limit);
    if (found) {
      const seen = { ...track, frameCount };
      const verdict = scorer.verdict(found, seen);
      const speaking = scorer.speaking(seen, verdict);
      score.faces.push(faceScore(seen, found, { verdict, speaking, missingFrames: allFrames - frameCount }));
      score.notes.push(...driftNotes(track, verdict));
    } else {
      const rule = `${frameCount} frames with audio, fewer than a window of ${protocol.recipe.frameCount} needs`;
      score.problems.push(`face ${track.id}: too short: ${rule}`);
    }
  }
  for (const [i, place] of placesOf(score.faces).entries()) score.faces[i].place = place;
  if (protocol.perFile === 'mean of tracks' && score.faces.length > 0) score.mean = meanOfTracks(score.faces);
}

/** An offset that changes within the face's time; none where the sentence of the verdict says it already. */
function driftNotes({ id }: FaceTrack, { drift, reason }: SyncVerdict): string[] {
  if (!drift || reason === 'offset changes') return [];
  const { fromSec, toSec, fromFrames, toFrames } = drift;
  const at = (frames: number, sec: number) => `${frames} frames at ${sec.toFixed(1)} s`;
  return [`face ${id}: the offset drifts from ${at(fromFrames, fromSec)} to ${at(toFrames, toSec)}`];
}

/** Scores one face by all windows that have audio but the last, which the reference's count may leave out. */
class FaceScorer {
  readonly #scorer: WindowScorer<number>;
  readonly #audio: AudioEmbeddings;
  readonly #firstFrame: number;
  readonly #batchSize: number;
  readonly #speech: SpeechFlags;
  readonly #expert: Scoring['embedder']['expert'];
  readonly #calibration?: VerdictCalibration;
  readonly #images = new ImageCounter();
  #last?: FrameWindow;
  #first?: number;
  #given = 0;
  #ended = false;

  constructor(
    { audio, speech, firstFrame }: FaceAudio,
    { embedder, protocol, batchSize, calibration }: Scoring,
    faces: number,
  ) {
    const { maxShift, edges } = protocol;
    this.#audio = audio;
    this.#firstFrame = firstFrame;
    this.#batchSize = batchSize;
    this.#speech = speech;
    this.#expert = embedder.expert;
    this.#calibration = calibration;
    // What the embedder computes, and as much that waits for it; shared between the faces.
    const maxPending = Math.ceil((2 * embedder.concurrency) / faces);
    this.#scorer = new WindowScorer(audio.embedder(firstFrame), { maxShift, edges, batchSize, maxPending });
  }

  async add(window: FrameWindow): Promise<void> {
    if (this.#ended) return;
    const frame = window.startFrame - this.#firstFrame;
    if (!(await this.#audio.has(frame))) {
      this.#ended = this.#last !== undefined; // before the first one the audio may only begin later
      return;
    }
    await this.#give();
    this.#last = window;
    // A batch that is not full yet reaches no further back; all faces are at the same frame.
    this.#audio.forget(Math.max(0, frame - 2 * this.#batchSize));
  }

  /** @param limit windows that count. Returns undefined where there is none. */
  async finish(limit: number): Promise<SyncScore | undefined> {
    if (limit < 1) return undefined;
    if (this.#given < limit) await this.#give();
    return this.#given > 0 ? this.#scorer.compute() : undefined;
  }

  /** What the score of the face says. */
  verdict(score: SyncScore, track: FaceTrack): SyncVerdict {
    const { recipe } = this.#expert;
    const first = this.#first ?? track.firstFrame;
    const frameCount = score.windows + recipe.frameCount - 1;
    const imagesPerSec = this.#images.perSec(recipe.fps);
    const speechShare = this.#speech.share(first - this.#firstFrame, frameCount);
    return syncVerdict(score, {
      ...faceFacts(track),
      ...(imagesPerSec === undefined ? {} : { imagesPerSec }),
      ...(speechShare === undefined ? {} : { speechShare }),
      calibration: this.#calibration,
      startSec: first / recipe.fps,
      windowFrames: recipe.frameCount,
    });
  }

  /** See `FaceScore`. */
  speaking(track: FaceTrack, { offsetFrames }: SyncVerdict): number | null {
    // The voice of frame f is heard at frame f - n where the audio leads by n frames.
    const flags = this.#speech.flags();
    return lipActivity(track, (frame) => flags(frame - this.#firstFrame - (offsetFrames ?? 0)));
  }

  async #give(): Promise<void> {
    if (!this.#last) return;
    this.#first ??= this.#last.startFrame;
    this.#images.add(this.#last.frames, this.#expert.recipe.frameCount);
    await this.#scorer.update({ frames: this.#last.frames, features: this.#last.startFrame });
    this.#given++;
  }
}
