import {
  assertWaveform,
  fail,
  type LandmarkDetector,
  type VerdictCalibration,
  type Waveform,
} from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { createLandmarkDetector } from '@lipsync/face-crop';
import type { Embedder } from '@lipsync/metrics';
import { LANDMARK_QUALITY } from '@lipsync/sync-windows';
import { type EngineOptions, engineCompiler, engineFor } from '../embed/engine';
import { openScoring, type Scoring } from '../faces/score-faces';
import type { PlainImage } from '../frames/images';
import { openDefaultExpert } from '../load-expert/with-expert';
import { type AssetOptions, assetFolder } from '../peers/asset-folder';
import { ensureBackend } from '../peers/start-backend';
import { FrameGrid } from './clock/frame-grid';
import { copyImage, type TimedVideoFrame } from './input-image';
import { LiveAudio } from './live-audio';
import { LiveFaces } from './live-faces';
import type { MeterReading } from './meter-reading';
import { windowVerdict } from './window-verdict';

/** Options of `createSyncMeter`. */
export type SyncMeterOptions = EngineOptions &
  AssetOptions & {
    /** Seconds that a reading covers. Default 8; from 4 on answers are as good as those on clips of that length. */
    windowSec?: number;
    /** Seconds from one reading to the next. Default 1. */
    everySec?: number;
    /** Gets each reading. */
    onReading?: (reading: MeterReading) => void;
    /** A network of `loadExpert` or an `Embedder`; borrowed. Default: that of `loadExpert()`, disposed with the meter. */
    expert?: SyncExpert | Embedder;
    /** Finds the landmarks; borrowed. Default: that of `@lipsync/face-crop`, disposed with the meter. */
    detector?: LandmarkDetector;
    /** Faces that are followed at once. Default 1; each takes its own time. */
    maxFaces?: number;
    /** Frames that may wait. Default 25, a second. */
    mostWaiting?: number;
    /** Turns evidence into confidence. Default: that of the expert's weights file. */
    calibration?: VerdictCalibration;
  };

/** A live meter of lip sync; see `createSyncMeter`. */
export interface SyncMeter {
  /** The last reading. */
  readonly reading: MeterReading;
  /** Frames that wait. Who has more frames than time, such as from a file, waits for `idle` where it is high. */
  readonly waiting: number;
  /**
   * Takes a frame, copied.
   *
   * @param image RGB or RGBA such as `ImageData`, or a `VideoFrame` of WebCodecs.
   * @param timeSec when it was taken. Default: the time stamp of a `VideoFrame`.
   * @returns false where it is dropped, as too many wait (from then on all are until none waits), or as its time is
   * more than 0.4 s before that of another frame.
   * @throws TypeError for what is no image; Error once disposed, and what went wrong with frames before.
   */
  pushFrame(image: PlainImage | TimedVideoFrame, timeSec?: number): boolean;
  /**
   * Takes audio, copied.
   *
   * @param audio mono, any sample rate of whole Hz, the same each time.
   * @param timeSec when its first sample was taken, on the clock of the frames. May jitter by 60 ms.
   * @returns false where it is dropped.
   * @throws RangeError for another sample rate than before, and one that is no whole number; Error once disposed, and
   * what went wrong with audio before.
   */
  pushAudio(audio: Waveform, timeSec: number): boolean;
  /** Waits until no frame waits, and at most a second of audio. */
  idle(): Promise<void>;
  /** Ends the stream: measures all that was pushed. What comes later is measured as what follows a gap. */
  flush(): Promise<MeterReading>;
  /** Stops and frees what the meter loaded. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * A meter for frames and audio as they come: from a camera, a call or a generated avatar; in browsers and in Node.
 *
 * Frames are placed on the network's grid of 25 a second by their time stamps, and audio by its own: both must be of one
 * clock, such as `performance.now()`, but may come at any rate, late and in any pieces. Clocks that drift and time stamps
 * that jitter are corrected; missing frames up to 0.4 s are bridged by the one before, missing audio up to 1 s by
 * silence, longer gaps left out. The face is followed, its mouth cut and embedded as by `scoreVideo`; a reading is the
 * verdict on the last seconds. It lies about 1.2 s behind the frames.
 *
 * Memory does not grow: about 50 frames, the embeddings of the reading's seconds and three seconds more. Where frames
 * come faster than they are embedded, stretches of them are dropped and counted.
 *
 * @returns the meter; its networks are loaded. The caller disposes it.
 * @throws RangeError for an option out of range; TypeError for a network that scores pairs only; what loading throws.
 * @example
 * const meter = await createSyncMeter({
 *   onReading: ({ faces, problem }) => console.log(faces[0]?.verdict?.sentence ?? problem),
 * });
 * meter.pushFrame(imageData, performance.now() / 1000); // for each frame
 * meter.pushAudio({ samples, sampleRate: 48000 }, performance.now() / 1000); // for each piece of audio
 * await meter.dispose();
 */
export async function createSyncMeter(options: SyncMeterOptions = {}): Promise<SyncMeter> {
  const where = 'createSyncMeter';
  const { windowSec = 8, everySec = 1, mostWaiting = 25, maxFaces = 1, log = () => {} } = options;
  if (!(windowSec >= 1 && windowSec <= 60)) fail(RangeError, where, 'windowSec', '1 to 60', windowSec);
  if (!(everySec > 0)) fail(RangeError, where, 'everySec', 'above 0', everySec);
  if (!(Number.isInteger(mostWaiting) && mostWaiting > 0))
    fail(RangeError, where, 'mostWaiting', 'a whole number above 0', mostWaiting);
  const engine = engineFor(options);
  const expert = options.expert ?? (await openDefaultExpert(where, { ...options, engine, log }));
  const owned: { dispose(): unknown }[] = options.expert ? [] : [expert];
  try {
    const scoring = await openScoring(expert, { calibration: options.calibration });
    const { embedder, protocol } = scoring;
    if (embedder.expert.space === 'joint')
      fail(TypeError, where, 'expert', 'one with embeddings', `${embedder.expert.name}, which scores pairs only`);
    await ensureBackend(log, assetFolder(options.assetsUrl));
    let detector = protocol.recipe.crop.kind === 'whole frame' ? undefined : options.detector;
    if (!detector && protocol.recipe.crop.kind !== 'whole frame') {
      const compile = await engineCompiler({ ...options, engine });
      const weights = assetFolder(options.assetsUrl);
      detector = await createLandmarkDetector({ ...LANDMARK_QUALITY.fast.detector, maxFaces, compile, weights });
      owned.push(detector);
    }
    detector?.reset(); // a borrowed one may have followed faces of another video
    return new LiveMeter(scoring, { detector, windowSec, everySec, mostWaiting, owned, onReading: options.onReading });
  } catch (error) {
    for (const one of owned) await one.dispose();
    throw error;
  }
}

type MeterParts = {
  detector?: LandmarkDetector;
  windowSec: number;
  everySec: number;
  mostWaiting: number;
  /** What is disposed with the meter. */
  owned: { dispose(): unknown }[];
  onReading?: (reading: MeterReading) => void;
};

/** Frames beyond the window that are kept: the longest shift that is tried. */
const BEYOND = 75;
/** A longer gap between frames is not bridged. */
const LONGEST_GAP_SEC = 0.4;
/** Audio that may wait where `idle` returns: that of frames to come. */
const MOST_IDLE_SEC = 1;
/** What is behind the other by more is not waited for. */
const LATE_SEC = 3;

class LiveMeter implements SyncMeter {
  readonly #scoring: Scoring;
  readonly #parts: MeterParts;
  readonly #fps: number;
  readonly #grid: FrameGrid<PlainImage>;
  readonly #faces: LiveFaces;
  readonly #audio: LiveAudio;
  /** Time stamp of frame 0. */
  #originSec?: number;
  #waiting: { image: PlainImage; timeSec: number }[] = [];
  #dropping = false;
  #takenSec = Number.NEGATIVE_INFINITY; // latest time stamp of the frames that were taken
  #droppedFrames = 0;
  #working?: Promise<void>;
  #shownSec = -1; // time of the last frame, from frame 0 on
  #readAtSec = 0;
  #reading: MeterReading;
  #error?: unknown;
  #disposed = false;

  constructor(scoring: Scoring, parts: MeterParts) {
    const { recipe } = scoring.protocol;
    this.#scoring = scoring;
    this.#parts = parts;
    this.#fps = recipe.fps;
    const keptFrames = Math.ceil(parts.windowSec * recipe.fps) + BEYOND;
    const shared = { embedder: scoring.embedder, keptFrames, onRows: () => this.#readNow() };
    this.#grid = new FrameGrid({ fps: recipe.fps, longestGapSec: LONGEST_GAP_SEC });
    this.#faces = new LiveFaces({ ...shared, detector: parts.detector });
    this.#audio = new LiveAudio(shared);
    this.#reading = this.#measure(0);
  }

  get reading(): MeterReading {
    return this.#reading;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  pushFrame(image: PlainImage | TimedVideoFrame, timeSec = frameTime(image)): boolean {
    const where = 'SyncMeter.pushFrame';
    this.#assertAlive(where);
    if (!Number.isFinite(timeSec)) fail(RangeError, where, 'timeSec', 'seconds', timeSec);
    this.#dropping = this.#waiting.length >= (this.#dropping ? 1 : this.#parts.mostWaiting);
    if (this.#dropping || timeSec < this.#takenSec - LONGEST_GAP_SEC) {
      this.#droppedFrames++;
      return false;
    }
    const copy = copyImage(where, image);
    this.#takenSec = Math.max(timeSec, this.#takenSec);
    this.#originSec ??= timeSec;
    this.#waiting.push({ image: copy, timeSec: timeSec - this.#originSec });
    this.#working ??= this.#inTurn(() => this.#takeWaiting());
    return true;
  }

  pushAudio(audio: Waveform, timeSec: number): boolean {
    const where = 'SyncMeter.pushAudio';
    this.#assertAlive(where);
    assertWaveform(where, audio);
    if (!Number.isFinite(timeSec)) fail(RangeError, where, 'timeSec', 'seconds', timeSec);
    this.#originSec ??= timeSec;
    return this.#audio.push(audio, timeSec - this.#originSec);
  }

  async idle(): Promise<void> {
    while (this.#working) await this.#working;
    for (; this.#audio.waitingSec > MOST_IDLE_SEC; this.#audio.throwError())
      await new Promise((resolve) => setTimeout(resolve, 1));
    this.#throwError();
  }

  async flush(): Promise<MeterReading> {
    this.#assertAlive('SyncMeter.flush');
    await this.idle();
    while (this.#working) await this.#working;
    if (this.#disposed) return this.#reading;
    this.#working = this.#inTurn(() => this.#endStream());
    await this.#working;
    this.#throwError();
    return this.#reading;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#waiting = [];
    await this.#working;
    await this.#audio.end().catch(() => undefined);
    for (const one of this.#parts.owned) await one.dispose();
  }

  /** Does one thing while frames that come wait, and then takes them. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    try {
      // Whoever pushes many frames at once must not wait for the first.
      await Promise.resolve();
      await work();
    } catch (error) {
      this.#error ??= error;
      this.#waiting = [];
    } finally {
      this.#working = this.#waiting.length > 0 ? this.#inTurn(() => this.#takeWaiting()) : undefined;
    }
  }

  /** Takes the frames that wait, one after the other. */
  async #takeWaiting(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.#shownSec = next.timeSec;
      for (const frame of this.#grid.push(next.image, next.timeSec)) await this.#faces.take(frame);
      this.#readNow();
    }
  }

  async #endStream(): Promise<void> {
    for (const frame of this.#grid.end()) await this.#faces.take(frame);
    await this.#faces.end();
    await this.#audio.end();
    this.#publish();
  }

  /** A reading, where enough is new. */
  #readNow(): void {
    if (this.#end() / this.#fps - this.#readAtSec >= this.#parts.everySec) this.#publish();
  }

  #publish(): void {
    if (this.#disposed) return;
    const end = this.#end();
    this.#readAtSec = end / this.#fps;
    this.#reading = this.#measure(end);
    this.#parts.onReading?.(this.#reading);
  }

  /** The frame up to which there are rows of both kinds; where one of them stays away, that of `LATE_SEC` ago. */
  #end(): number {
    const visual = Math.max(0, ...this.#faces.faces.map(({ rows }) => rows.end));
    const late = Math.floor((this.#latestSec() - LATE_SEC) * this.#fps);
    return Math.max(0, late, Math.min(visual, this.#audio.rows.end));
  }

  #latestSec(): number {
    return Math.max(this.#shownSec, this.#audio.rows.end / this.#fps);
  }

  #measure(to: number): MeterReading {
    const { embedder, calibration } = this.#scoring;
    const from = Math.max(0, to - Math.round(this.#parts.windowSec * this.#fps));
    const origin = this.#originSec ?? 0;
    const speechShare = this.#audio.speechShare(from, to);
    const found = this.#faces.faces.filter(({ seenAt, rows }) => seenAt >= from || rows.end > from);
    const faces = found.map((face) => {
      const { id, box, mouth, rows } = face;
      const imagesPerSec = face.imagesPerSec();
      const facts = {
        ...face.facts,
        ...(imagesPerSec === undefined ? {} : { imagesPerSec }),
        ...(speechShare === undefined ? {} : { speechShare }),
      };
      const window = { from, to, originSec: origin, expert: embedder.expert, calibration, facts };
      const verdict = windowVerdict(rows, this.#audio.rows, window);
      const seenSec = origin + face.seenAt / this.#fps;
      return { id, seenSec, ...(box && { box }), ...(mouth && { mouth }), ...(verdict && { verdict }) };
    });
    const problem = faces.some(({ verdict }) => verdict) ? undefined : this.#problem();
    return {
      fromSec: origin + from / this.#fps,
      toSec: origin + to / this.#fps,
      faces,
      ...(problem && { problem }),
      dropped: { frames: this.#droppedFrames, audioSec: this.#audio.droppedSec },
    };
  }

  #problem(): NonNullable<MeterReading['problem']> {
    if (this.#shownSec < 0 || this.#latestSec() - this.#shownSec > LATE_SEC) return 'no frames';
    return this.#faces.seesFace ? 'no audio' : 'no face';
  }

  #assertAlive(where: string): void {
    if (this.#disposed) fail(Error, where, 'meter', 'alive', 'a disposed one');
    this.#throwError();
  }

  #throwError(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

const frameTime = (image: PlainImage | TimedVideoFrame) => ('timestamp' in image ? image.timestamp / 1e6 : Number.NaN);
