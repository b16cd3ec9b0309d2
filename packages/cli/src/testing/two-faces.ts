import { articulation, FacePainter, type FaceState, headMotion, person, voice } from '@lipsync/embedded-data';
import { encodeVideo } from '@lipsync/media';

const [FPS, SIDE] = [25, 256];

/**
 * Writes a drawn video of two faces beside each other: the left one talks, the right one looks about with its mouth
 * closed.
 *
 * @param earlyFrames by how many frames the audio leads. Default 0.
 */
export async function writeTwoFaces(path: string, { durationSec = 4, seed = 1, earlyFrames = 0 } = {}): Promise<void> {
  const speech = articulation(seed, durationSec + 2);
  const audio = voice(person(3), speech, { seed, startSec: 1 + earlyFrames / FPS, durationSec });
  const faces = [3, 5].map((who) => ({
    painter: new FacePainter(person(who), SIDE),
    motion: headMotion(person(who), seed + who, SIDE),
  }));
  const closed = articulation(seed, durationSec).at(-1); // at rest
  const writer = encodeVideo(path, { width: 2 * SIDE, height: SIDE, fps: FPS, audio });
  try {
    for (let index = 0; index < durationSec * FPS; index++) {
      const timeSec = (index + 0.5) / FPS;
      const drawn = faces.map(({ painter, motion }, i) => {
        const state: FaceState = { mouth: i === 0 ? speech.at(1 + timeSec) : closed, pose: motion(timeSec) };
        return painter.draw(state, index);
      });
      await writer.write(besideEachOther(drawn));
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function besideEachOther(images: readonly Uint8Array[]): Uint8Array {
  const row = 3 * SIDE;
  const out = new Uint8Array(images.length * SIDE * row);
  for (const [i, image] of images.entries()) {
    for (let y = 0; y < SIDE; y++) out.set(image.subarray(y * row, (y + 1) * row), (y * images.length + i) * row);
  }
  return out;
}
