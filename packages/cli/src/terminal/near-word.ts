/** The word of a list that `word` is with at most two letters changed, added, left out or swapped; undefined where there is none. */
export function nearWord(word: string, words: readonly string[]): string | undefined {
  const [nearest] = words
    .map((candidate) => ({ candidate, edits: editsBetween(word, candidate) }))
    .filter(({ candidate, edits }) => edits > 0 && edits <= 2 && edits < candidate.length / 2)
    .sort((a, b) => a.edits - b.edits);
  return nearest?.candidate;
}

/** Letters to change, add, leave out or swap with their neighbour to make one word of the other. */
function editsBetween(a: string, b: string): number {
  const edits = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i || j));
  for (let i = 1; i <= a.length; i++) {
    edits[i][0] = i;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      edits[i][j] = Math.min(
        edits[i - 1][j] + 1,
        edits[i][j - 1] + 1,
        edits[i - 1][j - 1] + (isSame ? 0 : 1),
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? edits[i - 2][j - 2] + 1 : Infinity,
      );
    }
  }
  return edits[a.length][b.length];
}
