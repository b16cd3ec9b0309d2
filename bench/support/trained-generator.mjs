import { load } from './training-step.mjs';

/** Runs `trainGenerator` to its end with a line for each validation on standard error. @returns its report. */
export async function trainedGenerator(options) {
  const { trainGenerator } = await load('train');
  let report;
  for await (const event of trainGenerator(options)) {
    if (event.kind === 'validation')
      console.error(`${options.out}: step ${event.step}, ${JSON.stringify(event.validation)}`);
    if (event.kind === 'done') report = event.report;
  }
  return report;
}
