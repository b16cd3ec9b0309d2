/** Folder layouts of published data sets; `flat`: any other folder, of which nothing is known. */
export type LayoutName = 'flat' | 'voxceleb2' | 'lrs2' | 'lrs3' | 'lrw' | 'grid' | 'hdtf' | 'hallo3';

/** What the path of a video says by a layout; missing where it says nothing. */
export type SourceFacts = {
  /** The person: equal for videos of one person. */
  identity?: string;
  /** The original video that this one was cut from. */
  clip?: string;
  /** The data set's own split. */
  split?: 'train' | 'validation' | 'test';
  /** The spoken text, lower case. */
  text?: string;
  /** Path of the transcript, relative to the input folder; `parseTranscript` reads it. The file may be missing. */
  textFile?: string;
  /** Paths of possible landmark files, relative to the input folder, the likeliest first. */
  landmarks?: string[];
};

/**
 * A folder layout. A source is a video's path relative to the input folder (or to one below or above it), with `/`
 * between folders.
 */
export type Layout = {
  readonly name: LayoutName;
  /** The layout in one line. */
  readonly about: string;
  /** Whether a source has the form of this data set's paths: what `detectLayout` counts. */
  matches(source: string): boolean;
  /** What the source's folders and name say; `{}` where they are not of this layout. */
  describe(source: string): SourceFacts;
};

/** A path taken apart: folders from the outermost, name without its ending. */
type Path = { folders: string[]; stem: string };

/** Published names: a YouTube video, and the number of a piece of it (preparations that cut on add a second one). */
const YOUTUBE = /^[\w-]{11}$/;
const PIECE = /^\d{5}(?:_\d+)?$/;

/**
 * VoxCeleb2: `dev/mp4/id00012/21Uxsk56VDQ/00001.mp4`, or from the person on.
 *
 * One id per person, labelled by the data set; then the video, then the utterance. Development is for training, nobody
 * of it is in test.
 *
 * Source: paths in published lists and scripts (`dev/mp4/id07737/9mmP2c-X_aU/00015.mp4`,
 * `vox2_test_mp4/mp4/id00017/…`); people and split from memory of the paper (Chung et al. 2018). The data itself was
 * not at hand.
 */
const voxceleb2 = layout('voxceleb2', '(dev|test)/mp4/<person>/<video>/<5 digits>.mp4', ({ folders, stem }) => {
  const [clip, identity, ...above] = [...folders].reverse();
  if (!YOUTUBE.test(clip) || !/^id\d{5}$/.test(identity) || !PIECE.test(stem)) return undefined;
  const part = /^(?:vox2_)?(dev|test)(?:_mp4)?$/.exec(above[above[0] === 'mp4' ? 1 : 0] ?? '')?.[1];
  return { identity, clip, split: part === 'dev' ? 'train' : part === 'test' ? 'test' : undefined };
});

/**
 * LRS2 (`mvlrs_v1`): `main/5535415699068794046/00001.mp4` or `pretrain/…`, a transcript of the same name in `.txt`
 * beside.
 *
 * A folder's number stands for a broadcast; nothing says that it has one speaker, so it is no identity here. The split
 * of `main` is in lists (`train.txt`, `val.txt`, `test.txt`), not in the path: only `pretrain` has one.
 *
 * Source: Wav2Lip's README (folders and names), paths in published scripts
 * (`mvlrs_v1/main/6001854301505575951/00005.mp4`), AV-HuBERT's preparation for the form of transcripts; the rest from
 * memory. The data itself was not at hand.
 */
const lrs2 = layout('lrs2', '(main|pretrain)/<broadcast, digits>/<5 digits>.mp4', ({ folders, stem }) => {
  const [clip, part] = [...folders].reverse();
  if (!/^\d{12,}$/.test(clip) || !PIECE.test(stem)) return undefined;
  return { clip, split: part === 'pretrain' ? 'train' : undefined, textFile: [...folders, `${stem}.txt`].join('/') };
});

/**
 * LRS3: `trainval/0Fi83BHQsMA/00002.mp4`, also `pretrain/…` and `test/…`, a transcript of the same name in `.txt`
 * beside.
 *
 * The folder is a YouTube video, a talk mostly of one person, taken as the identity: a speaker of two talks counts as
 * two. `pretrain` and `trainval` are for training; a validation part is left to the user.
 *
 * Source: AV-HuBERT's preparation (folders and transcripts); that a folder is a YouTube video, and that nothing of
 * `test` is in the others, from memory of the paper (Afouras et al. 2018). The data itself was not at hand.
 */
const lrs3 = layout('lrs3', '(trainval|pretrain|test)/<YouTube video>/<5 digits>.mp4', ({ folders, stem }) => {
  const [video, part] = [...folders].reverse();
  if (!YOUTUBE.test(video) || !PIECE.test(stem) || /^id\d{5}$/.test(part)) return undefined;
  const split = part === 'test' ? 'test' : part === 'trainval' || part === 'pretrain' ? 'train' : undefined;
  return { identity: video, clip: video, split, textFile: [...folders, `${stem}.txt`].join('/') };
});

/**
 * LRW: `lipread_mp4/ABOUT/train/ABOUT_00001.mp4`, or from the word on.
 *
 * The word lies in the middle of 29 frames, with parts of others around it. People are not labelled, and they do
 * repeat.
 *
 * Source: published descriptions and scripts (`lipread_mp4/FAMILY/train/FAMILY_00002.mp4`). The data itself was not at
 * hand.
 */
const lrw = layout('lrw', 'lipread_mp4/<WORD>/(train|val|test)/<WORD>_<5 digits>.mp4', ({ folders, stem }) => {
  const [part, word] = [...folders].reverse();
  if (!/^(?:train|val|test)$/.test(part) || !/^[A-Z]+$/.test(word) || stem.replace(/_\d{5}$/, '_') !== `${word}_`)
    return undefined;
  return { text: word.toLowerCase(), split: part === 'val' ? 'validation' : (part as 'train' | 'test') };
});

/** The words of a GRID sentence by the characters of its name; the letter in the fourth place stands for itself. */
const GRID_WORDS: readonly Readonly<Record<string, string>>[] = [
  { b: 'bin', l: 'lay', p: 'place', s: 'set' },
  { b: 'blue', g: 'green', r: 'red', w: 'white' },
  { a: 'at', b: 'by', i: 'in', w: 'with' },
  {},
  { z: 'zero', 1: 'one', 2: 'two', 3: 'three', 4: 'four', 5: 'five', 6: 'six', 7: 'seven', 8: 'eight', 9: 'nine' },
  { a: 'again', n: 'now', p: 'please', s: 'soon' },
];

/**
 * GRID: `s1/bbaf2n.mpg` or `s1/video/mpg_6000/bbaf2n.mpg`; without a folder `s<number>` the speaker is not known.
 *
 * The six characters are command, colour, preposition, letter (no w), digit (z: zero) and adverb: "bin blue at f two
 * now".
 *
 * Source: the corpus's grammar (Cooke et al. 2006) as recipes for it have it; names seen in a copy of it, the folders
 * in published scripts.
 */
const grid = layout(
  'grid',
  's<speaker>/<6 letters>.mpg, s<speaker>/video/mpg_6000/<6 letters>.mpg',
  ({ folders, stem }) => {
    if (!/^[blps][bgrw][abiw][a-vx-z][1-9z][anps]$/.test(stem)) return undefined;
    const identity = [...folders].reverse().find((folder) => /^s\d{1,2}$/.test(folder));
    return { identity, text: [...stem].map((letter, i) => GRID_WORDS[i][letter] ?? letter).join(' ') };
  },
);

/** People whom HDTF's lists have under two names: a video of both is the same. */
const HDTF_ALIASES: Readonly<Record<string, string>> = { WhipJimClyburn: 'JamesClyburn' };

/**
 * HDTF: `WDA_SuzanDelBene_000.mp4`, `WRA_RandPaul1_000.mp4`, `RD_Radio1_000.mp4`: list, name of the video, number of
 * the piece.
 *
 * In the lists WDA and WRA a digit after the name counts the videos of one person (`NancyPelosi0`, `NancyPelosi1`) and
 * is no part of the identity. In RD it counts talks of unnamed people: each counts as a person of its own. Landmarks of
 * OpenFace lie beside the video or, as DINet has them, in the folder `split_video_25fps_landmark_openface` beside the
 * video's. Only names with the list in front are detected as this layout; `describe` reads those without it too
 * (`Radio11_0.mp4`, as HDTF's README asks).
 *
 * Source: HDTF's lists of videos and README, DINet's README; names of redistributed copies.
 */
const hdtf = layout(
  'hdtf',
  '<list RD, WDA or WRA>_<name>_<3 digits>.mp4',
  ({ folders, stem }) => {
    const [, list, clip] = /^(?:(RD|WDA|WRA)_)?([A-Za-z][A-Za-z-]*\d*)_\d+(?:_|$)/.exec(stem) ?? [];
    if (clip === undefined) return undefined;
    const person = list === 'RD' || /^Radio\d+$/.test(clip) ? clip : clip.replace(/\d+$/, '');
    const beside = folders.length === 0 ? ['..'] : folders.slice(0, -1);
    return {
      identity: HDTF_ALIASES[person] ?? person,
      clip,
      landmarks: [folders, [...beside, 'split_video_25fps_landmark_openface']].map((folder) =>
        [...folder, `${stem}.csv`].join('/'),
      ),
    };
  },
  ({ stem }) => /^(?:RD|WDA|WRA)_/.test(stem),
);

/**
 * Hallo3's training data: `videos/0001.mp4`, with a description of the frame in `caption/0001.txt`.
 *
 * A number only: neither the person nor the original video is known. The captions describe the image, not the speech.
 * Only numeric names are detected as this layout, since a folder `videos` is common.
 *
 * Source: Hallo3's README, which asks for this order after unpacking; the archives themselves were not at hand.
 */
const hallo3 = layout('hallo3', 'videos/<number>.mp4', ({ folders, stem }) =>
  folders.at(-1) === 'videos' && /^\d+$/.test(stem) ? {} : undefined,
);

const flat = layout('flat', 'any folder', () => ({}));

/**
 * The layouts by their names, in the order in which `detectLayout` prefers them where two fit alike; `flat` always
 * fits.
 */
export const LAYOUTS: Readonly<Record<LayoutName, Layout>> = { voxceleb2, lrs2, lrs3, lrw, grid, hdtf, hallo3, flat };

/** Share of videos that must have the form of a data set's paths. */
const NEEDED_SHARE = 0.9;

/**
 * The layout of a folder of videos: the one that the largest share of them matches, at least 90 %, else `flat`.
 *
 * @param sources paths relative to the input folder, `/` between folders.
 * @example
 * import { detectLayout } from '@lipsync/dataloader';
 * detectLayout(['s1/bbaf2n.mpg', 's26/pbbv6n.mpg']); // 'grid'
 */
export function detectLayout(sources: readonly string[]): LayoutName {
  let found: LayoutName = 'flat';
  let most = Math.max(1, NEEDED_SHARE * sources.length);
  for (const { name, matches } of Object.values(LAYOUTS)) {
    if (name === 'flat') continue;
    const count = sources.filter(matches).length;
    if (count < most || (count === most && found !== 'flat')) continue;
    [found, most] = [name, count];
  }
  return found;
}

/**
 * The words of an LRS2 or LRS3 transcript: its line `Text:`, lower case, without marks such as `{LG}`.
 *
 * @returns undefined where there is no such line.
 * @example
 * import { parseTranscript } from '@lipsync/dataloader';
 * parseTranscript('Text:  WHEN YOU ARE COOKING\nConf:  5\n'); // 'when you are cooking'
 */
export function parseTranscript(text: string): string | undefined {
  const words = /^Text:(.*)$/m.exec(text)?.[1];
  return words
    ?.replace(/\{[^{}]*\}/g, ' ')
    .trim()
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

/**
 * A layout from a reader of paths, which returns undefined for paths of other layouts. `typical` narrows what is
 * detected as this layout.
 */
function layout(
  name: LayoutName,
  about: string,
  read: (path: Path) => SourceFacts | undefined,
  typical: (path: Path) => boolean = () => true,
): Layout {
  return {
    name,
    about,
    matches(source) {
      const path = takeApart(source);
      return read(path) !== undefined && typical(path);
    },
    describe(source) {
      const facts = read(takeApart(source)) ?? {};
      return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
    },
  };
}

function takeApart(source: string): Path {
  const folders = source.split('/');
  const name = folders.pop() ?? '';
  return { folders, stem: name.replace(/(?<=.)\.[^.]+$/, '') };
}
