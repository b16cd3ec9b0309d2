import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { FacePainter } from './face-painter';
import { person } from './person';
import { landmarkPath, writeTalkingFace } from './talking-face';

export type EmbeddedDatasetOptions = {
  /** Number of people, each with a face and a voice. Default 14. */
  people?: number;
  /** Clips of each person. Default 3. */
  clipsPerPerson?: number;
  /** Seconds per clip. Default 4. */
  durationSec?: number;
  /** How many of the people, the last ones, are listed in `held-out.txt`. Default 2. */
  heldOutPeople?: number;
  /** Seed of people and words. Default 1. */
  seed?: number;
  /** Write a landmark file beside each clip. Default false: the detector finds these faces. */
  writeLandmarks?: boolean;
  ffmpegPath?: string;
  /** Called after each clip, also after one that exists already. */
  onProgress?: (done: number, total: number, clip: EmbeddedClip) => void;
  /** Stops between clips. */
  signal?: AbortSignal;
};

/** One clip of the data set. */
export type EmbeddedClip = {
  /** Name in the folder, such as `p03-c1.mp4`. */
  file: string;
  path: string;
  /** Such as `p03`. */
  person: string;
  heldOut: boolean;
  /** Seeds of `writeTalkingFace`. */
  seed: number;
  personSeed: number;
};

/**
 * Writes a folder of drawn talking faces: `p00-c0.mp4` …, `labels.json` (file name -> person, as `prepareFolder` takes by `people`) and `held-out.txt` (names
 * without ending of the clips of held-out people, one a line).
 *
 * The same options give the same frames and audio. Existing files are kept: they appear only when complete, so a
 * stopped run resumes. A folder that was made with other options is refused.
 *
 * @returns the clips in order of name.
 * @throws RangeError for counts that are not whole or too small; Error for a folder made with other options, or without ffmpeg.
 * @example
 * const clips = await writeEmbeddedDataset('data', { people: 12, onProgress: (done, total) => console.log(done, total) });
 */
export async function writeEmbeddedDataset(
  folder: string,
  options: EmbeddedDatasetOptions = {},
): Promise<EmbeddedClip[]> {
  const { people = 14, clipsPerPerson = 3, durationSec = 4, heldOutPeople = 2, seed = 1 } = options;
  const { writeLandmarks = false, ffmpegPath, onProgress, signal } = options;
  for (const [name, value, least] of [
    ['people', people, 1],
    ['clipsPerPerson', clipsPerPerson, 1],
    ['heldOutPeople', heldOutPeople, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      fail(RangeError, 'writeEmbeddedDataset', `options.${name}`, `a whole number of at least ${least}`, value);
    }
  }
  if (heldOutPeople > people) {
    fail(RangeError, 'writeEmbeddedDataset', 'options.heldOutPeople', `at most people (${people})`, heldOutPeople);
  }

  await mkdir(folder, { recursive: true });
  await assertSameMaking(folder, { version: 1, people, clipsPerPerson, durationSec, heldOutPeople, seed });
  const clips = listClips(folder, people, clipsPerPerson, heldOutPeople, seed);
  let painter: FacePainter | undefined;
  for (const [index, clip] of clips.entries()) {
    signal?.throwIfAborted();
    const there = (await exists(clip.path)) && (!writeLandmarks || (await exists(landmarkPath(clip.path))));
    if (!there) {
      if (painter?.who.seed !== clip.personSeed) painter = new FacePainter(person(clip.personSeed));
      const { seed: clipSeed, personSeed } = clip;
      await writeTalkingFace(clip.path, {
        seed: clipSeed,
        personSeed,
        durationSec,
        writeLandmarks,
        ffmpegPath,
        painter,
      });
    }
    onProgress?.(index + 1, clips.length, clip);
  }
  const labels = Object.fromEntries(clips.map((clip) => [clip.file, clip.person]));
  const heldOut = clips.filter((clip) => clip.heldOut).map((clip) => `${clip.file.replace(/\.mp4$/, '')}\n`);
  await writeFileAtomic(join(folder, 'labels.json'), `${JSON.stringify(labels, null, 2)}\n`);
  await writeFileAtomic(join(folder, 'held-out.txt'), heldOut.join(''));
  return clips;
}

function listClips(
  folder: string,
  people: number,
  clipsPerPerson: number,
  heldOutPeople: number,
  seed: number,
): EmbeddedClip[] {
  const clips: EmbeddedClip[] = [];
  for (let who = 0; who < people; who++) {
    const personSeed = new Random(seed, 10, who).integer(2 ** 31);
    const name = `p${String(who).padStart(2, '0')}`;
    for (let take = 0; take < clipsPerPerson; take++) {
      const file = `${name}-c${take}.mp4`;
      clips.push({
        file,
        path: join(folder, file),
        person: name,
        heldOut: who >= people - heldOutPeople,
        seed: new Random(seed, 11, who, take).integer(2 ** 31),
        personSeed,
      });
    }
  }
  return clips;
}

/** Writes the options into `made-with.json`; refuses a folder that was made with others. */
async function assertSameMaking(folder: string, making: Record<string, number>): Promise<void> {
  const path = join(folder, 'made-with.json');
  const wanted = `${JSON.stringify(making)}\n`;
  if (await exists(path)) {
    const found = await readFile(path, 'utf8');
    if (found !== wanted) {
      throw new Error(
        `writeEmbeddedDataset: folder must be empty or made with ${wanted.trim()}, got ${folder} with ${found.trim()}`,
      );
    }
    return;
  }
  await writeFileAtomic(path, wanted);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.size > 0,
    () => false,
  );
}
