import type { DataReport, Manifest } from '@lipsync/dataloader';

/** What only the one who made a data set can say of it. */
export type CardFacts = {
  /** Default: the folder's name. */
  name: string;
  /** Where the videos are from. */
  source?: string;
  /** Under which terms they may be used. */
  license?: string;
};

/**
 * A data set card in Markdown: what a store holds, how it was made, who is seen, what was left out, and what is likely to go wrong.
 *
 * Nothing in it is guessed: what nobody said stands as `not said`.
 *
 * @example
 * await writeFileAtomic('CARD.md', dataCard(await dataReport(store), (await store.manifest())!, { name: 'clips' }));
 */
export function dataCard(report: DataReport, manifest: Manifest, { name, source, license }: CardFacts): string {
  const { people, offsets, warnings, dropped } = report;
  const { crop, features, fps } = manifest.recipe;
  const spread = ({ least, median, greatest }: { least: number; median: number; greatest: number }, digits: number) =>
    [least, median, greatest].map((value) => value.toFixed(digits)).join(' / ');
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const how = { label: 'labels of the data set', face: 'how faces look', source: 'nothing: each video counts as one' };
  const splitOf = (side: 'train' | 'validation') => manifest.clips.filter(({ split }) => split === side);
  const minutes = (clips: Manifest['clips']) =>
    (clips.reduce((sum, clip) => sum + clip.frameCount, 0) / fps / 60).toFixed(1);
  const drops = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  const rows: [string, string][] = [
    ['clips', `${report.clips} of ${report.videos} videos`],
    ['minutes', report.minutes.toFixed(1)],
    ['seconds a clip, least / median / greatest', spread(report.seconds, 1)],
    ['side of the crop in the source, pixels', spread(report.cropSide, 0)],
    ...(report.faceSize
      ? [['size of the face in the source, pixels', spread(report.faceSize, 0)] as [string, string]]
      : []),
    ...(report.voiced ? [['share of speech', spread(report.voiced, 2)] as [string, string]] : []),
    [
      'rates of the videos, by clips',
      Object.entries(report.videoRates)
        .map(([rate, count]) => `${rate} fps: ${count}`)
        .join(', ') || 'not said',
    ],
    ['people', people ? `${people.count}, told apart by ${how[people.by]}` : 'not said'],
    [
      'offsets',
      offsets
        ? `by ${offsets.expert}; ${percent(offsets.beyondTwo)} of the clips more than 2 frames off, the audio of ${offsets.corrected} was moved`
        : 'unknown',
    ],
  ];
  return `---
license: ${license ? JSON.stringify(license) : 'unknown'}
task_categories: [audio-visual-synchronisation]
pretty_name: ${JSON.stringify(name)}
---

# ${escapeMarkdown(name)}

Talking faces with their audio, prepared for lip-sync networks by \`lipsync prepare\`.

- Source: ${escapeMarkdown(source ?? 'not said')}
- Terms: ${escapeMarkdown(license ?? 'not said')}
- Faces of living people are personal data: whether these may be used is for the one who gives them on to know.

## What is in it

| what | how much |
| --- | --- |
${rows.map(([what, value]) => `| ${what} | ${escapeMarkdown(value)} |`).join('\n')}

${people ? `Split by people, seed ${manifest.split!.seed}: ${splitOf('train').length} clips to learn from (${minutes(splitOf('train'))} min), ${splitOf('validation').length} held for validation (${minutes(splitOf('validation'))} min). Nobody is on both sides as far as people could be told apart.` : 'Not split.'}

## How it was made

Frames at ${fps} a second, RGB, cropped as \`${JSON.stringify(crop)}\`; features of the audio \`${features}\`; audio itself 16 kHz mono.

\`\`\`json
${JSON.stringify(manifest.settings, null, 2)}
\`\`\`

## What was left out

${drops.length > 0 ? `| reason | how often |\n| --- | --- |\n${drops.map(([reason, count]) => `| ${reason} | ${count} |`).join('\n')}` : 'Nothing.'}

## What to know before training

${warnings.length > 0 ? warnings.map((warning) => `- ${escapeMarkdown(warning)}`).join('\n') : 'Nothing to warn of.'}

## How to read it

\`\`\`js
import { CONTRAST, ClipStore, SyncLoader } from '@lipsync/dataloader';

const store = await ClipStore.open(folder);
const held = (await store.manifest()).clips.filter(({ split }) => split === 'validation').map(({ id }) => id);
const loader = new SyncLoader(store, recipe, { ...CONTRAST, exclude: held }); // recipe: the network's
\`\`\`
`;
}

/** Text that shall not be taken for a table, a heading or HTML. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_|<>#[\]]/g, (letter) => `\\${letter}`).replace(/[\r\n]+/g, ' ');
}
