import type { FaceTrack, SyncRecipe } from '@lipsync/contracts';
import { faceBoxes } from '@lipsync/face-crop';
import type { SyncProtocol } from '@lipsync/metrics';

/** A track that shows every frame of a video: for protocols whose files are face crops already. */
export function wholeVideoTrack(durationSec: number, fps: number): FaceTrack {
  const frameCount = Math.max(1, Math.ceil((durationSec + 1) * fps)); // a second more: the frames end it earlier
  return { id: 0, firstFrame: 0, frameCount, points: new Float32Array(frameCount * 136), score: 1, interpolated: 0 };
}

/** Why a protocol does not take frames of this size; undefined where it does. */
export function frameProblem(
  { width, height }: { width: number; height: number },
  crop: SyncRecipe['crop'],
): string | undefined {
  if (crop.kind !== 'whole frame' || crop.resize !== 'none' || (width === crop.size && height === crop.size))
    return undefined;
  const others = 'the protocols syncnet-pipeline and wav2lip-lrs take other videos';
  return `frames of ${width} x ${height}: the protocol takes face crops of ${crop.size} x ${crop.size} (${others})`;
}

/** Why a protocol does not take a track; undefined where it does. */
export function trackProblem(track: FaceTrack, rules: SyncProtocol['tracks']): string | undefined {
  if (!rules) return undefined;
  const detected = track.frameCount - track.interpolated;
  if (detected <= rules.minFrames)
    return `too short: detected in ${detected} frames, the protocol takes more than ${rules.minFrames}`;
  const boxes = faceBoxes(track);
  let [width, height] = [0, 0];
  for (let i = 0; i < boxes.length; i += 4) {
    width += (boxes[i + 2] - boxes[i]) / track.frameCount;
    height += (boxes[i + 3] - boxes[i + 1]) / track.frameCount;
  }
  const size = Math.max(width, height);
  return size > rules.minFaceSize
    ? undefined
    : `too small: ${Math.round(size)} px, the protocol takes more than ${rules.minFaceSize}`;
}
