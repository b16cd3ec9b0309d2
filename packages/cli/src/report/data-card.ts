import type { DataReport, Manifest, Spread } from '@lipsync/dataloader';

/** What only the author of a data set can state. */
export type CardFacts = {
  /** Name of the data set. */
  name: string;
  /** Where the videos are from. */
  source?: string;
  /** Terms under which they may be used. */
  license?: string;
};

/**
 * A data set card in Markdown: contents of a store, preparation, people, dropped videos and warnings.
 *
 * Nothing in it is guessed: what is unknown is `not stated`.
 *
 * @example
 * await writeFileAtomic('CARD.md', dataCard(await dataReport(store), (await store.manifest())!, { name: 'clips' }));
 */
export function dataCard(report: DataReport, manifest: Manifest, { name, source, license }: CardFacts): string {
  const { crop, features, fps } = manifest.recipe;
  const drops = Object.entries(report.dropped).sort(([, a], [, b]) => b - a);
  const { warnings } = report;
  return `---
license: ${license ? JSON.stringify(license) : 'unknown'}
task_categories: [audio-visual-synchronisation]
pretty_name: ${JSON.stringify(name)}
---

# ${escapeMarkdown(name)}

Talking faces with their audio, prepared for lip-sync networks by \`lipsync prepare\`.

- Source: ${escapeMarkdown(source ?? 'not stated')}
- Terms: ${escapeMarkdown(license ?? 'not stated')}
- Faces of living people are personal data: whoever passes them on must know whether they may be used.

## Contents

${table(['what', 'how much'], contentRows(report))}

${describeSplit(report, manifest)}

## Preparation

Frames at ${fps} per second, RGB, cropped as \`${JSON.stringify(crop)}\`; audio features \`${features}\`; audio 16 kHz mono.

\`\`\`json
${JSON.stringify(manifest.settings, null, 2)}
\`\`\`

## Dropped

${
  drops.length > 0
    ? table(
        ['reason', 'count'],
        drops.map(([reason, count]) => [reason, String(count)]),
      )
    : 'Nothing.'
}

## Warnings

${warnings.length > 0 ? warnings.map((warning) => `- ${escapeMarkdown(warning)}`).join('\n') : 'None.'}

## How to read it

\`\`\`js
import { CONTRAST, ClipStore, SyncLoader } from '@lipsync/dataloader';

const store = await ClipStore.open(folder);
const validation = (await store.manifest()).clips.filter(({ split }) => split === 'validation').map(({ id }) => id);
const loader = new SyncLoader(store, recipe, { ...CONTRAST, exclude: validation }); // recipe: the network's
\`\`\`
`;
}

function contentRows({ clips, videos, minutes, people, offsets, ...report }: DataReport): [string, string][] {
  const spread = ({ least, median, greatest }: Spread, digits: number) =>
    [least, median, greatest].map((value) => value.toFixed(digits)).join(' / ');
  const rates = Object.entries(report.videoRates).map(([rate, count]) => `${rate} fps: ${count}`);
  const how = {
    label: 'labels of the data set',
    face: 'face identity clustering',
    source: 'nothing: each video counts as one',
  };
  return [
    ['clips', `${clips} of ${videos} videos`],
    ['minutes', minutes.toFixed(1)],
    ['seconds per clip, least / median / greatest', spread(report.seconds, 1)],
    ['side of the crop in the source, pixels', spread(report.cropSide, 0)],
    ...optional('size of the face in the source, pixels', report.faceSize && spread(report.faceSize, 0)),
    ...optional('share of speech', report.voiced && spread(report.voiced, 2)),
    ['frame rates of the videos, by clips', rates.join(', ') || 'not stated'],
    ['people', people ? `${people.count}, told apart by ${how[people.by]}` : 'not stated'],
    ['offsets', offsets ? describeOffsets(offsets) : 'unknown'],
  ];
}

const optional = (what: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[what, value]];

function describeOffsets({ expert, beyondTwo, unknown, corrected }: NonNullable<DataReport['offsets']>): string {
  const share = `${(100 * beyondTwo).toFixed(1)} %`;
  const untold = unknown > 0 ? `, unknown in ${unknown}` : '';
  return `by ${expert}; ${share} of the clips more than 2 frames off${untold}, audio of ${corrected} clips moved`;
}

function describeSplit({ people }: DataReport, { clips, recipe, split }: Manifest): string {
  if (!people) return 'Not split.';
  const side = (name: 'train' | 'validation') => {
    const chosen = clips.filter((clip) => clip.split === name);
    const minutes = chosen.reduce((sum, clip) => sum + clip.frameCount, 0) / recipe.fps / 60;
    return `${chosen.length} ${name} clips (${minutes.toFixed(1)} min)`;
  };
  return (
    `Split by people, seed ${split!.seed}: ${side('train')}, ${side('validation')}. ` +
    'Nobody is on both sides, as far as people could be told apart.'
  );
}

function table(head: [string, string], rows: readonly (readonly [string, string])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), '| --- | --- |', ...rows.map(([what, value]) => line([what, escapeMarkdown(value)]))].join('\n');
}

/** Text without the characters of tables, headings and HTML. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_|<>#[\]]/g, (letter) => `\\${letter}`).replace(/[\r\n]+/g, ' ');
}
