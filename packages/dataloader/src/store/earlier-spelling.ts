import { renameKeys, upgradeRecipe } from '@lipsync/contracts';

/** Version of stores that this file reads: `mel` for `features`, `sound` for `audio`, `frames` for counts and offsets alike. */
export const EARLIER_VERSION = 2;

/** Kind of their clip files. */
export const EARLIER_CLIP_KIND = 'lipsync-clip-2';

const DROP_REASONS: Readonly<Record<string, string>> = {
  'no picture': 'no video',
  'no sound': 'no audio',
  'sound too short': 'audio too short',
};

type Json = Record<string, unknown>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy with one entry changed, where it is there. */
function withEntry(value: unknown, key: string, change: (entry: unknown) => unknown): unknown {
  return isRecord(value) && key in value ? { ...value, [key]: change(value[key]) } : value;
}

const mapped = (change: (entry: unknown) => unknown) => (value: unknown) =>
  Array.isArray(value) ? value.map(change) : value;

/** `store.json` of version 2 as it is spelled now; its version stays. Nothing is checked. */
export function upgradeStoreHeader(value: unknown): unknown {
  return withEntry(upgradeRecipe(value), 'settings', upgradeSettings);
}

/** A drop as it is spelled now. */
export function upgradeDrop(value: unknown): unknown {
  return withEntry(value, 'reason', (reason) => DROP_REASONS[String(reason)] ?? reason);
}

/** What became of a video, as it is spelled now. */
export function upgradeSourceRecord(value: unknown): unknown {
  return withEntry(value, 'dropped', mapped(upgradeDrop));
}

/** `manifest.json` of version 2 as it is spelled now. */
export function upgradeManifest(value: unknown): unknown {
  const changes: Record<string, (entry: unknown) => unknown> = {
    recipe: upgradeRecipe,
    settings: upgradeSettings,
    counts: (counts) =>
      withEntry(renameKeys(counts, { frames: 'frameCount' }), 'dropped', (dropped) =>
        renameKeys(dropped, DROP_REASONS),
      ),
    clips: mapped((clip) => upgradeFacts(renameKeys(clip, { frames: 'frameCount', melSteps: 'featureSteps' }))),
    dropped: mapped(upgradeDrop),
  };
  return Object.entries(changes).reduce((manifest, [key, change]) => withEntry(manifest, key, change), value);
}

/** The facts of a clip as they are spelled now. */
export function upgradeFacts(value: unknown): unknown {
  const facts = renameKeys(value, { film: 'video', count: 'frameCount' });
  return withEntry(facts, 'offset', (offset) =>
    ['measured', 'after'].reduce(
      (readings, key) => withEntry(readings, key, (reading) => renameKeys(reading, { frames: 'offsetFrames' })),
      offset,
    ),
  );
}

/** The tensors of a clip's file by the names that they have now. */
export function upgradeTensorNames<T>(tensors: Readonly<Record<string, T>>): Record<string, T> {
  return renameKeys(tensors, { mel: 'features', sound: 'audio', identity: 'face_embedding' }) as Record<string, T>;
}

function upgradeSettings(value: unknown): unknown {
  return withEntry(
    renameKeys(value, { effort: 'landmarkQuality', features: 'logits' }),
    'preparation',
    (preparation) => {
      const renamed = renameKeys(preparation, {
        keepOffset: 'toleratedOffset',
        sureConfidence: 'correctionConfidence',
      });
      if (!isRecord(renamed)) return renamed;
      // As version 2 had them without saying so.
      const remaining = Math.max(1, Number(renamed.toleratedOffset ?? 0));
      return withEntry({ maxRemainingOffset: remaining, ...renamed }, 'gates', (gates) =>
        isRecord(gates) ? { maxOffCentre: 1, ...gates } : gates,
      );
    },
  );
}

/** Settings of a preparation that does not say which networks found its landmarks: there was one choice then. */
export function withLandmarkDetector(settings: Record<string, unknown>): Record<string, unknown> {
  const before = settings.landmarkQuality !== undefined && settings.landmarkDetector === undefined;
  return before ? { ...settings, landmarkDetector: 'face-api' } : settings;
}
