import { resolve } from 'node:path';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { openMedia } from '@lipsync/media';
import { PROTOCOLS } from '@lipsync/metrics';
import { engineCompiler, type FrameWindow, openEmbedder, scoreProtocol, scoreVideo } from '@lipsync/score';
import { landmarkSettings } from '@lipsync/sync-windows';
import { readingOptions } from '../terminal/media-options';
import { loadOptions } from '../terminal/read-files';
import { resolveWeights } from '../weights/fetch-weights';
import { fixVideo } from './fix/fix-video';
import { CropCollector } from './pictures/crop-collector';
import { writePictures } from './pictures/write-pictures';
import type { ScoreWords } from './score-options';
import { inputFacts, type ScoredFile, type Scorer, scorerFacts } from './scored-file';

/**
 * Opens what `lipsync score` scores with.
 *
 * @param several whether its videos are some of several, for their reports.
 * @throws UsageError for weights that were not fetched; what the network, ffmpeg and the backend throw.
 */
export async function openScorer(
  options: ScoreWords,
  { log, several = false }: { log: (line: string) => void; several?: boolean },
): Promise<Scorer> {
  const { backend, threads, verbose, maxShift, edges, landmarkQuality, landmarkDetector } = options;
  const rules = { protocol: PROTOCOLS[options.protocol], maxShift, edges };
  const weights = await resolveWeights(options.weights);
  const engine = { engine: options.engine, backend, verbose, log };
  const loading = { ...(await loadOptions(options)), ...engine, threads };
  const [embedder, reader] = await startBoth(
    openEmbedder(weights, loading),
    openMedia({ log, ...readingOptions(options) }),
  );
  const detector = await createLandmarkDetector({
    ...landmarkSettings(landmarkQuality, landmarkDetector).detector,
    compile: await engineCompiler(engine),
  });
  const dispose = async () => {
    detector.dispose();
    await embedder.dispose();
  };
  try {
    const protocol = await scoreProtocol(embedder.expert, rules);
    const facts = scorerFacts(options, protocol);
    const parts = { expert: embedder, reader, detector, landmarkQuality, ...rules, log };
    let allPictures = true;
    const score = async (file: string): Promise<ScoredFile> => {
      const { weights, settings } = facts;
      const crops = new CropCollector(protocol.recipe);
      const onWindow = (options.preview ?? options.report) ? (window: FrameWindow) => crops.add(window) : undefined;
      const result = await scoreVideo(resolve(file), { ...parts, onWindow });
      const scored = { ...result, file, weights, settings, input: await inputFacts(file) };
      try {
        for (const line of await writePictures(scored, crops, { options, reader, several })) log(line);
      } catch (error) {
        // The score stands.
        allPictures = false;
        log(`--report or --preview: not written: ${file}: ${(error as Error).message}`);
      }
      return scored;
    };
    const fix = async (out: string, before: ScoredFile): Promise<boolean> => {
      const plain = await openMedia({ log: () => {} }); // what is written has one track of each kind
      const rescore = (file: string) => scoreVideo(file, { ...parts, reader: plain });
      const { minConfidence } = options;
      return fixVideo(out, { score: before, reading: readingOptions(options), reader, rescore, minConfidence, log });
    };
    return { ...facts, score, fix, allPictures: () => allPictures, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Both take time to start; where one fails the other is released. */
async function startBoth<E extends { dispose(): Promise<void> }, A>(
  opening: Promise<E>,
  other: Promise<A>,
): Promise<[E, A]> {
  const [embedder, started] = await Promise.allSettled([opening, other]);
  if (embedder.status === 'rejected') throw embedder.reason;
  if (started.status === 'fulfilled') return [embedder.value, started.value];
  await embedder.value.dispose();
  throw started.reason;
}
