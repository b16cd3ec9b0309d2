import type { LandmarkBox } from '@lipsync/face-crop';
import type { SyncVerdict } from '@lipsync/metrics';
import type { PlainImage } from '../frames/images';

/** One face of a `MeterReading`. */
export type MeterFace = {
  /** The same as long as the face is followed. */
  id: number;
  /** Box of its landmarks in the last frame in which it was found, pixels, and the time of that frame. */
  box?: LandmarkBox;
  seenSec: number;
  /** Its mouth as the network sees it, about a second ago: RGB, 0..255. */
  mouth?: PlainImage;
  /** Of the last seconds; missing where no frame of them has audio. Its times are those of the time stamps. */
  verdict?: SyncVerdict;
};

/** What a live meter says of the last seconds. */
export type MeterReading = {
  /** The stretch that was measured, seconds on the clock of the time stamps. */
  fromSec: number;
  toSec: number;
  /** The faces that were found in it. */
  faces: MeterFace[];
  /** Why there is no face with a verdict: nothing has come yet, no face is found, or there is no audio beside the frames. */
  problem?: 'no frames' | 'no face' | 'no audio';
  /** Frames, and seconds of audio, so far, that were not taken, as they came faster than they can be embedded. */
  dropped: { frames: number; audioSec: number };
};
