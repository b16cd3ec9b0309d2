import { readFileSync, writeFileSync } from 'node:fs';
import { beep, flash, make } from './clips';

/**
 * A video of two seconds that changes after 0.8 s: from 64x48 to 96x64 pixels, from stereo to mono. The flash and the
 * beep at 1 s are behind the change; the encoder puts the beep 5 ms late.
 *
 * @param path ends in .mkv; parts are written beside it.
 */
export async function makeChangingVideo(path: string): Promise<void> {
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '10', '-x264-params', 'repeat-headers=1'];
  const [frames, audio] = [`${path}.h264`, `${path}.ac3`];
  await make(...flash(25, 0.8, 5), '-pix_fmt', 'yuv420p', ...h264, `${path}.1.h264`);
  await make(...flash(25, 1.2, 0.2, '96x64'), '-pix_fmt', 'yuv420p', ...h264, `${path}.2.h264`);
  await make(...beep(0.8, 5, 48000, 'stereo'), '-frames:a', '25', `${path}.1.ac3`);
  await make(...beep(1.2, 0.2, 48000, 'mono'), `${path}.2.ac3`);
  for (const [joined, ending] of [
    [frames, 'h264'],
    [audio, 'ac3'],
  ]) {
    const parts = [1, 2].map((part) => readFileSync(`${path}.${part}.${ending}`));
    writeFileSync(joined, Buffer.concat(parts));
  }
  await make('-r', '25', '-f', 'h264', '-i', frames, '-i', audio, '-map', '0:v', '-map', '1:a', '-c', 'copy', path);
}
