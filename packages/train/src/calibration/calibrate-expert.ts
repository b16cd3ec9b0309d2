import { fail, type VerdictCalibration } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, parseClipId } from '@lipsync/dataloader';
import { type CalibrationReliability, fitCalibration } from '@lipsync/metrics';
import { type CalibrationCaseOptions, calibrationCases, type PersonClip } from './calibration-cases';
import { embedClip } from './clip-embeddings';

export type CalibrateExpertOptions = CalibrationCaseOptions & {
  /** Ids of the clips, of people that the expert was not trained on. Default: all of the store. */
  clips?: readonly string[];
  /** Called after each clip. */
  onClip?: (done: number) => void;
};

/** A calibration, how it does on people whom the fit did not see, and what it was made of. */
export type ExpertCalibration = {
  calibration: VerdictCalibration;
  reliability: CalibrationReliability;
  /** Clips and people that were used. */
  clips: number;
  people: number;
  /** Ids of clips of unknown offset, which gave cases with other audio only. */
  unknown: string[];
};

/**
 * Calibrates the verdict of a sync network on clips of a store: the chance that an offset is within one frame of the
 * truth, by the number of windows and the contrast, for a mix of one half right audio and one half other audio (in place,
 * moved, of the same person and of others: `docs/verdict.md`), for pieces of 1 to 8 s and whole clips.
 *
 * People are told apart as in the store's manifest (labels or faces); where it does not say, each video counts as a
 * person. Each window is embedded once; the embeddings of all clips are kept, 2 kB per window of 256 values. The expert is
 * borrowed.
 *
 * @throws TypeError for a network that scores pairs itself (`space: 'joint'`), and where the store's clips cannot feed the
 *   expert; RangeError for fewer than two people.
 * @example
 * import { loadAVAlignNet } from '@lipsync/avalignnet';
 * import { ClipStore } from '@lipsync/dataloader';
 * import { calibrateExpert } from '@lipsync/train';
 * const expert = await loadAVAlignNet('expert.safetensors');
 * const { calibration, reliability } = await calibrateExpert(expert, await ClipStore.open('clips'));
 * console.log(reliability.expectedCalibrationError, calibration.least);
 * expert.dispose();
 */
export async function calibrateExpert(
  expert: SyncExpert,
  store: ClipStore,
  options: CalibrateExpertOptions = {},
): Promise<ExpertCalibration> {
  const { onClip, clips: ids = await store.list(), ...draws } = options;
  const { space, name } = expert;
  if (space === 'joint')
    return fail(TypeError, 'calibrateExpert', 'expert', 'a network of embeddings', `${name}, which scores pairs`);
  const personOf = await peopleOf(store);
  const clips: PersonClip[] = [];
  for (const [i, id] of ids.entries()) {
    const embedded = await embedClip(expert, store, id);
    if (embedded) clips.push({ ...embedded, person: personOf(id) });
    onClip?.(i + 1);
  }
  const people = new Set(clips.map(({ person }) => person)).size;
  if (people < 2) fail(RangeError, 'calibrateExpert', 'options.clips', 'clips of at least two people', `${people}`);
  const { cases, unknown } = calibrationCases(clips, { ...expert, recipe: expert.recipe, space }, draws);
  const source = `${clips.length} clips of ${people} people`;
  return { ...fitCalibration(cases, source), clips: clips.length, people, unknown };
}

/** Who is seen in a clip, by the manifest of the store, else its video. */
async function peopleOf(store: ClipStore): Promise<(id: string) => string> {
  const manifest = await store.manifest();
  const identities = new Map(manifest?.clips.map(({ id, identity }) => [id, identity]));
  return (id) => identities.get(id) ?? parseClipId(id).source;
}
