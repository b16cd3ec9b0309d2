import { type PrepareFolderOptions, prepareFolder } from '@lipsync/dataloader';
import { type ShownProgress, showProgress } from '@lipsync/embedded-data';

/** Clips: landmarks, mouth crops and mel spectrograms, and a split by people. */
export async function showPreparation(options: PrepareFolderOptions): Promise<void> {
  let progress: ShownProgress | undefined;
  for await (const event of prepareFolder({ log: console.error, ...options })) {
    if (event.kind === 'start') {
      progress = showProgress('prepare', event.videos);
      progress.update(event.alreadyDone);
    } else if (event.kind === 'video') {
      for (const { source, reason, detail } of event.result.dropped)
        progress?.log(`dropped ${source}: ${reason} (${detail})`);
      progress?.update(event.done);
    } else {
      progress?.stop();
      const { summary, split } = event;
      console.log(`${summary.clips} clips of ${summary.sources} videos, ${summary.minutes.toFixed(1)} minutes`);
      const clips = Object.values(split?.clips ?? {});
      const validation = clips.filter((clip) => clip.split === 'validation');
      const count = (of: typeof clips) => new Set(of.map(({ identity }) => identity)).size;
      console.log(
        `${count(clips)} people, told apart by ${split?.by}; ${count(validation)} of them (${validation.length} clips) for validation`,
      );
    }
  }
}
