import type { FaceScore, ScoreProtocol, VideoScore } from '@lipsync/score';
import { withDamageHint } from '../terminal/media-options';
import { describeWeightsFacts, type WeightsFacts } from '../weights/weights-facts';

/** A video's score: one line for each face, or why there is none. */
export function describeScore({ file, faces, mean, problems }: VideoScore): string {
  const lines = faces.map((face) => {
    const which = `face ${face.track}, ${face.frameCount} frames`;
    if (face.place === null) return `${file}: ${which}: ${describeFace(face)}`;
    const speaking = face.speaking === null ? '' : `, speaking ${face.speaking.toFixed(2)}`;
    return `${file}: ${face.place}: ${describeVerdict(face)}; ${which}${speaking}; ${lseWords(face)}`;
  });
  if (mean && faces.length > 1)
    lines.push(`${file}: mean of ${faces.length} faces: offset ${mean.offsetFrames}, ${lseWords(mean)}`);
  return [...lines, ...problems.map((problem) => `${file}: ${withDamageHint(problem)}`)].join('\n');
}

/** The same in one line, for a batch. */
export function describeInOneLine({ file, faces, problems }: VideoScore): string {
  const name = onOneLine(file);
  if (faces.length === 0)
    return onOneLine(`${name}: no score: ${problems.map(withDamageHint).join('; ') || 'no face'}`);
  if (faces.length === 1) return `${name}: ${describeFace(faces[0])}`;
  const each = faces.map((face) => `${face.place ?? `face ${face.track}`}: ${describeFace(face)}`);
  return `${name}: ${faces.length} faces: ${each.join('; ')}`;
}

/** What is unusual about a file, and in a batch which of its faces have no score, one line each. */
export function describeNotes({ file, faces, problems, notes }: VideoScore, inBatch = false): string[] {
  const name = onOneLine(file);
  const faceless = inBatch && faces.length > 0 ? problems : [];
  return [
    ...faceless.map((problem) => `${name}: ${onOneLine(problem)}`),
    ...notes.map((note) => `${name}: note: ${onOneLine(note)}`),
  ];
}

/** Names may hold line breaks. */
const onOneLine = (text: string) =>
  text.replace(/[\u0000-\u001f\u007f]/g, (character) => {
    const short = JSON.stringify(character).slice(1, -1);
    return short === character ? `\\u00${character.charCodeAt(0).toString(16)}` : short;
  });

/** How the scores were measured: engine, protocol, weights. */
export function describeProvenance(protocol: ScoreProtocol, weights: WeightsFacts): string[] {
  return [
    `engine ${protocol.engine}`,
    `protocol ${protocol.name} (${protocol.hash.slice(0, 12)}): ${protocol.source}`,
    ...protocol.deviations.map((deviation) => `  differs here: ${deviation}`),
    `distances are of ${protocol.expert}, ${describeWeightsFacts(weights)}: do not compare them with those of another network`,
  ];
}

/** Arithmetic mean over the files' means where the protocol defines one, else over all faces; undefined without a score. */
export function meanOfFiles(files: readonly VideoScore[]): { scores: number; lseD: number; lseC: number } | undefined {
  const scores = files.flatMap((file) => (file.mean ? [file.mean] : file.faces));
  if (scores.length === 0) return undefined;
  const mean = (key: 'lseD' | 'lseC') => scores.reduce((sum, score) => sum + score[key], 0) / scores.length;
  return { scores: scores.length, lseD: mean('lseD'), lseC: mean('lseC') };
}

export const lseWords = ({ lseD, lseC }: { lseD: number; lseC: number }) =>
  `LSE-D ${lseD.toFixed(3)}, LSE-C ${lseC.toFixed(3)}`;

/** The answer, how sure it is, and the published scores. */
function describeFace(face: FaceScore): string {
  return `${describeVerdict(face)}; ${lseWords(face)}`;
}

/** The sentence with how sure it is; where there is no answer, with the offset that published evaluations would state. */
function describeVerdict({ verdict, offsetFrames }: FaceScore): string {
  const { answer, reason, sentence, confidence } = verdict;
  if (reason === 'offset changes') return sentence;
  if (answer === 'cannot tell') return `${sentence} (lowest distance at ${offsetFrames} frames)`;
  const worth = confidence === null ? 'not calibrated' : `confidence ${confidence.toFixed(2)}`;
  return `${sentence} (${[worth, ...exactWords(verdict)].join(', ')})`;
}

/** The offset to a tenth of a frame, with its spread where that is known. */
function exactWords({ exactFrames = null, spreadFrames = null }: Partial<FaceScore['verdict']>): string[] {
  if (exactFrames === null) return [];
  const exact = exactFrames.toFixed(1).replace(/^-(?=0\.0$)/, ''); // never -0.0
  return [`${exact}${spreadFrames === null ? '' : ` ± ${spreadFrames.toFixed(1)}`} frames`];
}
