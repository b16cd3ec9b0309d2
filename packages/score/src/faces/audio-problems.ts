import type { SyncRecipe } from '@lipsync/contracts';
import type { AudioLevel } from '@lipsync/sync-windows';

/**
 * Speech below this, dB of full scale, is quieter than in any of 137 clips of GRID, LRW-AR and the web, of which the
 * quietest has -31: a network without a loudness rule was hardly trained on such.
 */
const QUIET_DB = -32;
/** Of 16-bit audio the noise lies at -98 dB: below this it is less than 35 dB under the speech. */
const FAINT_DB = -63;
/**
 * More samples at full scale than this share: speech is cut off at its loudest. Ordinary recordings are clipped, too:
 * half of GRID in 0.2 to 0.6 % of its samples, news in up to 2.7 %, and score as others do.
 */
const CLIPPED_SHARE = 0.03;

/** What about the audio's level makes its score doubtful. */
export function audioProblems(
  { speechDb, clippedShare }: AudioLevel,
  { loudness = 'none' }: Pick<SyncRecipe, 'loudness'>,
): string[] {
  const problems: string[] = [];
  if (speechDb === undefined || speechDb < FAINT_DB) {
    const level = speechDb === undefined ? 'below -85 dB' : `at ${speechDb.toFixed(0)} dB`;
    problems.push(`audio is almost silent: speech ${level} of full scale; the score may be wrong`);
  } else if (speechDb < QUIET_DB && loudness === 'none') {
    const level = `speech at ${speechDb.toFixed(0)} dB of full scale`;
    problems.push(
      `audio is quiet: ${level}, and this network takes it as it is; make it louder, the score may be wrong`,
    );
  }
  if (clippedShare > CLIPPED_SHARE)
    problems.push(`audio is clipped: ${(100 * clippedShare).toFixed(1)} % of the samples are at full scale`);
  return problems;
}
