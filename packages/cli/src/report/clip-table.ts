import type { Manifest } from '@lipsync/dataloader';
import { csv } from '../terminal/csv';

const COLUMNS = [
  ...[
    'id',
    'person',
    'split',
    'frame_count',
    'first_frame',
    'offset_frames',
    'confidence',
    'corrected_frames',
    'offset_after',
    'answer',
    'reason',
  ],
  ...[
    'face_size',
    'asymmetry',
    'lips_inside',
    'sharpness',
    'brightness',
    'voiced',
    'score',
    'radius',
    'angle',
    'sha256',
  ],
];

/** The clips of a manifest as CSV, one line each, for filtering by other rules than those of the preparation. */
export function clipTable({ clips }: Pick<Manifest, 'clips'>): string {
  const rows = clips.map(
    ({ id, identity, split, frameCount, firstFrame, offset, quality, score, radius, angle, sha256 }) => [
      ...[
        id,
        identity,
        split,
        frameCount,
        firstFrame,
        offset?.measured.offsetFrames,
        offset?.measured.confidence,
        offset?.corrected,
        offset?.after?.offsetFrames,
        (offset?.after ?? offset?.measured)?.verdict?.answer,
        (offset?.after ?? offset?.measured)?.verdict?.reason,
      ],
      ...[
        quality?.faceSize,
        quality?.asymmetry,
        quality?.lipsInside,
        quality?.sharpness,
        quality?.brightness,
        quality?.voiced,
      ],
      ...[score, radius, angle, sha256],
    ],
  );
  return csv([COLUMNS, ...rows]);
}
