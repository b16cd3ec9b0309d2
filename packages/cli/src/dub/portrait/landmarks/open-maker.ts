import type { LandmarkDetector, MediaReader } from '@lipsync/contracts';
import { createLandmarkDetector } from '@lipsync/face-crop';
import { engineCompiler } from '@lipsync/score';
import { landmarkSettings } from '@lipsync/sync-windows';
import { startBackend } from '../../../terminal/options';
import { log } from '../../../terminal/output';
import type { LandmarkMaker } from './landmark-cache';

/** Options of the commands that make landmarks. */
type MakerOptions = Parameters<typeof startBackend>[0] & {
  landmarkQuality: Parameters<typeof landmarkSettings>[0];
  landmarkDetector: NonNullable<Parameters<typeof landmarkSettings>[1]>;
  engine: NonNullable<Parameters<typeof engineCompiler>[0]>['engine'];
  videoTrack?: number;
};

/** What the landmarks of videos are made with, and how it is freed. */
type OpenMaker = { maker: LandmarkMaker; dispose(): void };

/**
 * Starts the backend and loads the networks that find faces.
 *
 * @param needed false where no video is read: then neither is started.
 * @param folder in which landmark files are kept.
 */
export async function openMaker(
  options: MakerOptions,
  parts: {
    reader: MediaReader;
    signal: AbortSignal;
    needed?: boolean;
    folder?: string;
    onFrame?: (done: number) => void;
  },
): Promise<OpenMaker> {
  const { reader, signal, needed = true, folder, onFrame = () => {} } = parts;
  const { collect, detector: settings } = landmarkSettings(options.landmarkQuality, options.landmarkDetector);
  let detector: LandmarkDetector | undefined;
  if (needed) {
    await startBackend(options);
    const compile = await engineCompiler({ engine: options.engine, backend: options.backend, log });
    detector = await createLandmarkDetector({ ...settings, compile });
  }
  const maker: LandmarkMaker = {
    ...{ reader, detector: detector as LandmarkDetector, collect, signal, folder, onFrame },
    settings: JSON.stringify([options.landmarkQuality, options.landmarkDetector, options.videoTrack ?? null]),
  };
  return { maker, dispose: () => detector?.dispose() };
}
