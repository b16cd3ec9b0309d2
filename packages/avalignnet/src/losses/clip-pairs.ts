import { fail } from '@lipsync/contracts';

/** The kinds of entries of a similarity matrix `[row of frames, row of audio]`, and how many there are of each. */
export type ClipPairs = {
  /** Rows of the batch. */
  rows: number;
  /** `[rows * rows]`: 1 for windows of the same clip, the diagonal included. */
  sameClip: Uint8Array;
  /** Entries off the diagonal whose windows come from one clip. */
  sameClipNegatives: number;
  /** Entries whose windows come from two clips. */
  otherClipNegatives: number;
};

/** Sorts the pairs of a batch by the clips that its rows come from. Throws if `clips` does not have one entry per row. */
export function clipPairs(where: string, clips: readonly number[], rows: number): ClipPairs {
  if (clips.length !== rows) {
    fail(RangeError, where, 'clips', `the clip index of each of the ${rows} rows`, `${clips.length} of them`);
  }
  const sameClip = new Uint8Array(rows * rows);
  let same = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < rows; column++) {
      if (clips[row] === clips[column]) {
        sameClip[row * rows + column] = 1;
        same++;
      }
    }
  }
  return { rows, sameClip, sameClipNegatives: same - rows, otherClipNegatives: rows * rows - same };
}
