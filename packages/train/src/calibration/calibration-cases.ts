import type { SyncExpert } from '@lipsync/contracts/tensors';
import { alignmentCurve, type CalibrationCase, scoreEmbeddings } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import type { ClipEmbeddings } from './clip-embeddings';

/** A clip with the name of who is seen in it. */
export type PersonClip = ClipEmbeddings & { person: string };

/** What is compared, and how long a window is. */
type CaseSetting = Pick<SyncExpert, 'embeddingSize' | 'recipe'> & { space: 'unit' | 'euclidean' };

export type CalibrationCaseOptions = {
  /** Cases of each length with the right audio, and as many with other audio. Default 600. */
  perLength?: number;
  /** Default 0. */
  seed?: number;
};

/** Lengths of the pieces, seconds. Whole clips are one more group. */
const PIECES_SEC = [1, 2, 3, 4, 8];

/** Clips from this length on whose best offset is neither clear nor in place are of unknown offset. */
const LONG_SEC = 4;

/** A whole clip's offset is clear where noise reaches it in less than 1 of 1000 clips. */
const CLEAR_Z = 4.2;

/** Offsets up to which audio of a store counts as in place, and up to which a clip's own offset is believed, frames. */
const IN_PLACE = 2;
const BELIEVED = 15;

/** Shares of the cases with the right audio whose audio is moved by up to 15 frames, and by 16 to 60. */
const MOVED = 3 / 8;
const MOVED_FAR = 1 / 8;
const FARTHEST = 60;
const FEWEST_WINDOWS = 8;

/**
 * Cases for a calibration: pieces of 1, 2, 3, 4 and 8 s and whole clips, one half with the right audio and one half with
 * other audio.
 *
 * Of the right audio one half is in place, three eighths are moved by up to 15 frames and one eighth by 16 to 60, where
 * the clip is long enough, to either side. Of the other audio one half is that of another clip of the same person, where
 * there is one, else of another person. Every person of a length is drawn equally often, whatever the number of clips.
 *
 * A clip's true offset is 0, as training takes it, or that of the whole clip where it is clear (4.2 standard deviations
 * above the clip's noise, within 15 frames). A clip of 4 s and more whose best offset is neither clear nor within 2 frames
 * of 0 is of unknown offset: it gives no cases with the right audio.
 *
 * @returns the cases, and the ids of the clips of unknown offset.
 */
export function calibrationCases(
  clips: readonly PersonClip[],
  setting: CaseSetting,
  { perLength = 600, seed = 0 }: CalibrationCaseOptions = {},
): { cases: CalibrationCase[]; unknown: string[] } {
  const random = new Random(seed, 0xca1);
  const { recipe } = setting;
  const windowsOf = (seconds: number) => Math.round(seconds * recipe.fps) - (recipe.frameCount - 1);
  const offsets = new Map(clips.map((clip) => [clip, trueOffset(clip, setting, windowsOf(LONG_SEC))]));
  const cases: CalibrationCase[] = [];
  const groups = [
    ...PIECES_SEC.map((seconds) => ({ group: `${seconds} s`, windows: windowsOf(seconds) })),
    { group: 'whole clips', windows: undefined },
  ];
  for (const { group, windows } of groups) {
    const long = clips.filter((clip) => clip.windows >= Math.max(FEWEST_WINDOWS, windows ?? windowsOf(1)));
    const people = new Map<string, PersonClip[]>(long.map(({ person }) => [person, []]));
    for (const clip of long) people.get(clip.person)!.push(clip);
    const names = [...people.keys()].sort();
    if (names.length < 2) continue;
    const draw = new Draw(random, people, names);
    const add = (video: PersonClip, sound: PersonClip, place: Place, offset: number | null) => {
      const curve = curveOf(video, sound, place, setting);
      const durationSec = (place.count + recipe.frameCount - 1) / recipe.fps;
      cases.push({ person: video.person, group, durationSec, curve, trueOffset: offset });
    };
    for (let i = 0; i < perLength; i++) {
      const clip = draw.of(people.get(names[i % names.length])!);
      const offset = offsets.get(clip);
      if (offset !== undefined) {
        const moved = draw.move(clip, windows);
        add(clip, clip, draw.place(clip, moved, windows), offset + moved);
      }
      const other = draw.other(clip);
      const count = Math.min(windows ?? clip.windows, other.windows);
      const from = random.integer(clip.windows - count + 1);
      add(clip, other, { from, audioFrom: random.integer(other.windows - count + 1), count }, null);
    }
  }
  return { cases, unknown: clips.filter((clip) => offsets.get(clip) === undefined).map(({ id }) => id) };
}

/** Rows of frames from `from` on with rows of audio from `audioFrom` on. */
type Place = { from: number; audioFrom: number; count: number };

function curveOf(
  video: PersonClip,
  sound: PersonClip,
  { from, audioFrom, count }: Place,
  { space, embeddingSize: dimension, recipe }: CaseSetting,
) {
  const rows = (of: Float32Array, first: number) => of.subarray(first * dimension, (first + count) * dimension);
  const { alignment } = scoreEmbeddings(
    { visual: rows(video.visual, from), audio: rows(sound.audio, audioFrom) },
    { space, dimension, fps: recipe.fps, maxShift: 1 }, // of distances, which are not read
  );
  return alignmentCurve(alignment);
}

/** Frames, positive: the audio leads; undefined where nothing is known of it. */
function trueOffset(clip: PersonClip, setting: CaseSetting, longWindows: number): number | undefined {
  if (clip.windows < FEWEST_WINDOWS) return 0;
  const whole = curveOf(clip, clip, { from: 0, audioFrom: 0, count: clip.windows }, setting);
  const size = Math.abs(whole.offsetFrames);
  if (whole.zScore >= CLEAR_Z && !whole.atEdge && size <= BELIEVED) return whole.offsetFrames;
  return clip.windows >= longWindows && size > IN_PLACE ? undefined : 0;
}

/** Random clips, places and moves of one length. */
class Draw {
  readonly #random: Random;
  readonly #people: ReadonlyMap<string, PersonClip[]>;
  readonly #names: readonly string[];

  constructor(random: Random, people: ReadonlyMap<string, PersonClip[]>, names: readonly string[]) {
    this.#random = random;
    this.#people = people;
    this.#names = names;
  }

  of<A>(list: readonly A[]): A {
    return list[this.#random.integer(list.length)];
  }

  /** Another clip: of the same person for every second one, where there is one. */
  other(clip: PersonClip): PersonClip {
    const same = this.#people.get(clip.person)!.filter((one) => one !== clip);
    if (same.length > 0 && this.#random.uniform() < 0.5) return this.of(same);
    return this.of(this.#people.get(this.of(this.#names.filter((name) => name !== clip.person)))!);
  }

  /** Frames by which the audio is moved: as many windows as a third of the piece, at most, have no partner. */
  move(clip: PersonClip, windows: number | undefined): number {
    const kind = this.#random.uniform();
    const side = this.#random.uniform() < 0.5 ? -1 : 1;
    const room = windows === undefined ? Math.floor(clip.windows / 4) : clip.windows - windows;
    const most = Math.min(FARTHEST, room, Math.floor((windows ?? clip.windows) / 3));
    if (kind < MOVED_FAR && most > BELIEVED) return side * (BELIEVED + 1 + this.#random.integer(most - BELIEVED));
    if (kind < MOVED_FAR + MOVED && most > 0) return side * (1 + this.#random.integer(Math.min(BELIEVED, most)));
    return 0;
  }

  /** A place for a piece of so many windows, or for all that are left of the clip once its audio is moved. */
  place(clip: PersonClip, moved: number, windows: number | undefined): Place {
    const count = windows ?? clip.windows - Math.abs(moved);
    const free = clip.windows - count - Math.abs(moved);
    const from = Math.max(0, -moved) + this.#random.integer(free + 1);
    return { from, audioFrom: from + moved, count };
  }
}
