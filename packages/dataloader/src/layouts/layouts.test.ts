import { expect, test } from 'vitest';
import { detectLayout, LAYOUTS, type LayoutName, parseTranscript, type SourceFacts } from './layouts';

const OPENFACE = 'split_video_25fps_landmark_openface';
const hdtf = (identity: string, clip: string, name: string, folder = '', beside = '../'): SourceFacts => ({
  identity,
  clip,
  landmarks: [`${folder}${name}.csv`, `${beside}${OPENFACE}/${name}.csv`],
});

test.each<[LayoutName, string, SourceFacts]>([
  ['flat', 'any/thing.mp4', {}],
  ['voxceleb2', 'dev/mp4/id07737/9mmP2c-X_aU/00015.mp4', { identity: 'id07737', clip: '9mmP2c-X_aU', split: 'train' }],
  ['voxceleb2', 'test/mp4/id03030/kkzpqpAxGJ4/00224.mp4', { identity: 'id03030', clip: 'kkzpqpAxGJ4', split: 'test' }],
  [
    'voxceleb2',
    'vox2_test_mp4/mp4/id00017/01dfn2spqyE/00001.mp4',
    { identity: 'id00017', clip: '01dfn2spqyE', split: 'test' },
  ],
  ['voxceleb2', 'mp4/id00017/01dfn2spqyE/00001.mp4', { identity: 'id00017', clip: '01dfn2spqyE' }],
  [
    'lrs2',
    'mvlrs_v1/main/6001854301505575951/00005.mp4',
    { clip: '6001854301505575951', textFile: 'mvlrs_v1/main/6001854301505575951/00005.txt' },
  ],
  [
    'lrs2',
    'pretrain/6001854301505575951/00005.mp4',
    { clip: '6001854301505575951', split: 'train', textFile: 'pretrain/6001854301505575951/00005.txt' },
  ],
  ['lrs2', '6001854301505575951/00005.mp4', { clip: '6001854301505575951', textFile: '6001854301505575951/00005.txt' }],
  [
    'lrs3',
    'trainval/0Fi83BHQsMA/00002.mp4',
    { identity: '0Fi83BHQsMA', clip: '0Fi83BHQsMA', split: 'train', textFile: 'trainval/0Fi83BHQsMA/00002.txt' },
  ],
  [
    'lrs3',
    'LRS3/pretrain/-EXuTSsw-ek/00002_01.mp4',
    {
      identity: '-EXuTSsw-ek',
      clip: '-EXuTSsw-ek',
      split: 'train',
      textFile: 'LRS3/pretrain/-EXuTSsw-ek/00002_01.txt',
    },
  ],
  [
    'lrs3',
    'test/0Fi83BHQsMA/00002.mp4',
    { identity: '0Fi83BHQsMA', clip: '0Fi83BHQsMA', split: 'test', textFile: 'test/0Fi83BHQsMA/00002.txt' },
  ],
  [
    'lrs3',
    '0Fi83BHQsMA/00002.mp4',
    { identity: '0Fi83BHQsMA', clip: '0Fi83BHQsMA', textFile: '0Fi83BHQsMA/00002.txt' },
  ],
  ['lrw', 'lipread_mp4/FAMILY/train/FAMILY_00002.mp4', { text: 'family', split: 'train' }],
  ['lrw', 'ABOUT/val/ABOUT_00001.mp4', { text: 'about', split: 'validation' }],
  ['lrw', 'ABOUT/test/ABOUT_00050.mp4', { text: 'about', split: 'test' }],
  ['grid', 's1/bbaf2n.mpg', { identity: 's1', text: 'bin blue at f two now' }],
  ['grid', 'grid/s34/video/mpg_6000/swwzzp.mpg', { identity: 's34', text: 'set white with z zero please' }],
  ['grid', 'lrbq9s.mp4', { text: 'lay red by q nine soon' }],
  ['hdtf', 'WDA_SuzanDelBene_000.mp4', hdtf('SuzanDelBene', 'SuzanDelBene', 'WDA_SuzanDelBene_000')],
  [
    'hdtf',
    'assets/split_video_25fps/WRA_RandPaul1_000.mp4',
    hdtf('RandPaul', 'RandPaul1', 'WRA_RandPaul1_000', 'assets/split_video_25fps/', 'assets/'),
  ],
  ['hdtf', 'RD_Radio11_000.mp4', hdtf('Radio11', 'Radio11', 'RD_Radio11_000')],
  ['hdtf', 'Radio11_0.mp4', hdtf('Radio11', 'Radio11', 'Radio11_0')],
  ['hdtf', 'WDA_NancyPelosi3_000_cfr25.mp4', hdtf('NancyPelosi', 'NancyPelosi3', 'WDA_NancyPelosi3_000_cfr25')],
  [
    'hdtf',
    'WDA_LucilleRoybal-Allard_002.mp4',
    hdtf('LucilleRoybal-Allard', 'LucilleRoybal-Allard', 'WDA_LucilleRoybal-Allard_002'),
  ],
  ['hdtf', 'WDA_WhipJimClyburn_000.mp4', hdtf('JamesClyburn', 'WhipJimClyburn', 'WDA_WhipJimClyburn_000')],
  ['hallo3', 'videos/0001.mp4', {}],
])('%s: %s is described', (name, source, facts) => {
  expect(LAYOUTS[name].describe(source)).toEqual(facts);
});

test('one person of HDTF is one identity in all videos', () => {
  const people = ['WDA_TerriSewell_000', 'WDA_TerriSewell0_003', 'WDA_TerriSewell1_000'].map(
    (name) => LAYOUTS.hdtf.describe(`${name}.mp4`).identity,
  );
  expect(new Set(people).size).toBe(1);
});

test.each<[LayoutName, string[]]>([
  ['voxceleb2', ['mp4/id00017/01dfn2spqyE/00001.mp4', 'mp4/id00018/01dfn2spqyF/00001.mp4']],
  ['lrs2', ['main/6001854301505575951/00005.mp4', 'pretrain/5535415699068794046/00001.mp4']],
  ['lrs3', ['test/0Fi83BHQsMA/00002.mp4', 'trainval/-EXuTSsw-ek/00002.mp4']],
  ['lrw', ['ABOUT/val/ABOUT_00001.mp4', 'FAMILY/train/FAMILY_00002.mp4']],
  ['grid', ['s1/bbaf2n.mpg', 's26/pbbv6n.mpg']],
  ['hdtf', ['videos/WDA_KatieHill_000.mp4', 'videos/RD_Radio1_000.mp4']],
  ['hallo3', ['videos/0001.mp4', 'videos/0002.mp4']],
  [
    'flat',
    [
      '00139.mp4',
      '00146.mp4',
      'main/5/00001.mp4',
      'videos/talk.mp4',
      'take_001.mp4',
      'ABOUT/train/FAMILY_00001.mp4',
      'abcdef.mp4',
      'a/b/.mp4',
    ],
  ],
  ['flat', ['take_001.mp4', 'take_002.mp4']],
  [
    'flat',
    [
      'constructor/train/constructor.mp4',
      'mp4/id00017/00001.mp4',
      's1/bbaf0n.mpg',
      's1/bbaw2n.mpg',
      '00001.mp4',
      'train/undefined_00001.mp4',
    ],
  ],
  ['flat', []],
])('detectLayout sees %s in %j', (name, sources) => {
  expect(detectLayout(sources)).toBe(name);
  for (const other of Object.values(LAYOUTS)) {
    if (other.name !== 'flat' && other.name !== name && name === 'flat')
      expect(sources.filter(other.matches)).toEqual([]);
  }
});

test('detectLayout needs nine of ten paths to match', () => {
  const nine = Array.from({ length: 9 }, (_, i) => `s1/bbaf${i + 1}n.mpg`);
  expect(detectLayout([...nine, 'extra.mp4'])).toBe('grid');
  expect(detectLayout([...nine, 'extra.mp4', 'more.mp4'])).toBe('flat');
});

test('a source of another layout does not match and has no facts', () => {
  for (const { name, describe, matches } of Object.values(LAYOUTS)) {
    if (name === 'flat') continue;
    expect([name, matches('some folder/a talk.mp4'), describe('some folder/a talk.mp4')]).toEqual([name, false, {}]);
  }
});

test('a long path takes no time', () => {
  const started = performance.now();
  for (const long of [
    `${'s1/'.repeat(50_000)}x.mpg`,
    `WDA_${'a'.repeat(200_000)}!.mp4`,
    `${'1'.repeat(200_000)}.mp4`,
    `WDA_A${'1'.repeat(100_000)}`,
    `WDA_A${'1'.repeat(100_000)}x_0.mp4`,
  ])
    detectLayout([long]);
  expect(performance.now() - started).toBeLessThan(1000);
});

test('every layout goes by its own name', () => {
  for (const [name, layout] of Object.entries(LAYOUTS)) expect(layout.name).toBe(name);
});

test('parseTranscript takes the line of words', () => {
  expect(parseTranscript("Text:  WHEN {LG} YOU'RE COOKING\r\nConf:  5\r\n")).toBe("when you're cooking");
  expect(parseTranscript('Text:  WE\nConf:  3\n\nWORD START END ASDSCORE\nWE 0.10 0.2 5\n')).toBe('we');
  expect(parseTranscript('a caption')).toBeUndefined();
});
