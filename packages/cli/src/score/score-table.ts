import type { ScoreProtocol, VideoScore } from '@lipsync/score';
import { csv } from '../terminal/csv';

const COLUMNS = [
  'file',
  'face',
  'first_frame',
  'frame_count',
  'windows',
  'offset_frames',
  'offset_sec',
  'lse_d',
  'lse_c',
  'at_edge',
  'answer',
  'reason',
  'confidence',
  'exact_frames',
  'spread_frames',
  'place',
  'from_sec',
  'to_sec',
  'box_left',
  'box_top',
  'box_right',
  'box_bottom',
  'speaking',
  'filled_frames',
  'missing_frames',
  'problem',
  'protocol',
  'protocol_hash',
  'weights_hash',
];

/** Scores as CSV (RFC 4180), one line for each face; a file without a score has one line that says why. */
export function scoreTable({ name, hash, weightsHash = '' }: ScoreProtocol, files: readonly VideoScore[]): string {
  const rows = files.flatMap(({ file, faces, problems }) => {
    const end = [name, hash, weightsHash];
    const scored = faces.map((t) => [
      file,
      t.track,
      t.firstFrame,
      t.frameCount,
      t.windows,
      t.offsetFrames,
      t.offsetSec,
      t.lseD,
      t.lseC,
      t.atEdge,
      t.verdict.answer,
      t.verdict.reason,
      t.verdict.confidence ?? '',
      t.verdict.exactFrames ?? '',
      t.verdict.spreadFrames ?? '',
      t.place ?? '',
      t.fromSec,
      t.toSec,
      ...(['left', 'top', 'right', 'bottom'] as const).map((edge) => t.box?.[edge] ?? ''),
      t.speaking ?? '',
      t.filledFrames ?? '',
      t.missingFrames,
      '',
      ...end,
    ]);
    const failed = problems.map((problem) => [file, ...Array(COLUMNS.length - 5).fill(''), problem, ...end]);
    return [...scored, ...failed];
  });
  return csv([COLUMNS, ...rows]);
}
