/**
 * Names in files that were exported before the two modalities were called `visual` and `audio`, and the audio's
 * features `features`: the part `vision`, and the audio network's input `mel`.
 */

/** The part that a file's metadata name, in today's words. */
export const partOfMetadata = (part: string): string => (part === 'vision' ? 'visual' : part);

/**
 * The names under which a model takes its inputs.
 *
 * @param names those of `exportOnnx`.
 * @param modelInputs the inputs of the model, as its session lists them; undefined where the runtime does not say.
 * @returns `mel` in place of `features` where the model has that input.
 */
export function inputNames(names: readonly string[], modelInputs: readonly string[] | undefined): string[] {
  const earlier = modelInputs?.includes('mel') === true && !modelInputs.includes('features');
  return names.map((name) => (earlier && name === 'features' ? 'mel' : name));
}
