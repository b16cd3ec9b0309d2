/** Files that a browser and Node must read alike, and what is read of them. Made by ffmpeg; runs in Node. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { writeTalkingFace } from '../../examples/embedded-data/dist/index.js';
import { findFfmpeg } from '../../packages/media/dist/index.js';

const run = promisify(execFile);

/** A moving pattern with a beep in each second, which differs in both channels. */
const PATTERN = ['-f', 'lavfi', '-i'];
const beeps = (left, right = left) =>
  `aevalsrc=0.4*sin(2*PI*${left}*t)*lt(mod(t\\,1)\\,0.3)|0.4*sin(2*PI*${right}*t)*lt(mod(t\\,1)\\,0.3)`;

/**
 * Makes the files.
 *
 * @returns by name: the path, the codecs that a browser needs (`undefined`: none decodes it), and how many samples the
 *   audio of both may differ by.
 */
export async function makeMediaFiles(folder) {
  const { path: ffmpeg } = await findFfmpeg({ log: () => undefined });
  const at = (name) => `${folder}/${name}`;
  const make = (...args) => run(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args]);
  const pattern = (rate, size = '320x240') => [...PATTERN, `testsrc=s=${size}:r=${rate}:d=3`];
  const sound = (rate, ...hz) => [...PATTERN, `${beeps(...hz)}:s=${rate}:d=3`];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '2', '-g', '12'];
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '1M', '-pix_fmt', 'yuv420p'];
  await make(...pattern(25), ...sound(44100, 700, 900), ...h264, '-c:a', 'aac', at('plain.mp4'));
  await make('-i', at('plain.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90', at('rotated.mp4'));
  await make(...pattern('30000/1001'), ...sound(48000, 700), ...h264, '-c:a', 'aac', at('ntsc.mp4'));
  await make(...pattern(25), ...sound(48000, 700), ...vp8, '-c:a', 'libopus', at('plain.webm'));
  await make(...pattern('30000/1001'), ...sound(48000, 700), ...vp8, '-c:a', 'libvorbis', at('ntsc.webm'));
  // Frames 0.5 s and audio 0.3 s late in the file, and every fifth frame missing.
  const late = ['-itsoffset', '0.5', ...pattern(30), '-itsoffset', '0.3', ...sound(16000, 700)];
  const thinned = ['-vf', 'select=mod(n\\,5)', '-vsync', 'vfr'];
  await make(...late, ...thinned, ...vp8, '-c:a', 'libopus', at('late.mkv'));
  await make(...late, ...thinned, ...h264, '-c:a', 'aac', at('late.mp4'));
  await make(...pattern(25), ...sound(44100, 700), '-c:v', 'mpeg4', '-c:a', 'aac', at('mpeg4.mp4'));
  await writeTalkingFace(at('face.mp4'), { seed: 6, personSeed: 6, durationSec: 4, audioDelayFrames: -5 });
  await make('-i', at('face.mp4'), ...vp8, '-b:v', '4M', '-c:a', 'flac', at('face.mkv'));
  const [avc, free] = [
    ['avc1.42001e', 'mp4a.40.2'],
    ['vp8', 'opus'],
  ];
  return {
    'plain.mp4': { path: at('plain.mp4'), codecs: avc },
    'rotated.mp4': { path: at('rotated.mp4'), codecs: avc },
    'ntsc.mp4': { path: at('ntsc.mp4'), codecs: avc },
    'late.mp4': { path: at('late.mp4'), codecs: avc },
    'plain.webm': { path: at('plain.webm'), codecs: free },
    'ntsc.webm': { path: at('ntsc.webm'), codecs: ['vp8', 'vorbis'] },
    'late.mkv': { path: at('late.mkv'), codecs: free },
    'mpeg4.mp4': { path: at('mpeg4.mp4'), codecs: [] },
    'face.mp4': { path: at('face.mp4'), codecs: avc },
    'face.mkv': { path: at('face.mkv'), codecs: ['vp8', 'flac'] }, // lossy audio in WebM begins 0 to 5 ms earlier than in Node: see plain.webm
  };
}
