// Files that a verdict must bear, and files that have no offset; made by ffmpeg of real ones.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ffmpeg = (...args) => execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { stdio: 'pipe' });

/** What is changed, by name: arguments between input and output, and the output's extension. */
const CHANGES = {
  'audio 20 dB quieter': [['-c:v', 'copy', '-af', 'volume=-20dB', '-c:a', 'pcm_s16le'], 'mkv'],
  'audio 20 dB louder': [['-c:v', 'copy', '-af', 'volume=20dB', '-c:a', 'pcm_s16le'], 'mkv'],
  'audio of 8 kHz': [['-c:v', 'copy', '-ar', '8000', '-c:a', 'pcm_s16le'], 'mkv'],
  'mp3 of 32 kbit/s': [['-c:v', 'copy', '-c:a', 'libmp3lame', '-b:a', '32k', '-ac', '1'], 'mkv'],
  'H.264 at crf 35': [['-c:v', 'libx264', '-crf', '35', '-c:a', 'copy'], 'mkv'],
  'half size': [['-vf', 'scale=trunc(iw/4)*2:trunc(ih/4)*2', '-c:v', 'libx264', '-crf', '18', '-c:a', 'copy'], 'mkv'],
};

/** The file with each change, one at a time. */
export async function* changedFiles(path, folder) {
  for (const [change, [args, extension]] of Object.entries(CHANGES)) {
    const out = join(folder, `changed.${extension}`);
    ffmpeg('-i', path, ...args, out);
    yield { change, path: out };
  }
}

/** Sixty files without an offset: 10 of each kind, of other people's clips each. */
export async function* filesWithoutOffset(paths, folder, each = 10) {
  const at = (i) => paths[i % paths.length];
  const out = join(folder, 'without.mkv');
  const encode = [
    '-c:v',
    'libx264',
    '-crf',
    '18',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'pcm_s16le',
    '-ar',
    '16000',
    '-t',
    '8',
  ];
  const audioOf = (i) => ['-i', at(i)];
  const music = `aevalsrc='0.2*exp(-4*mod(t,0.5))*(sin(2*PI*t*110*pow(2,floor(mod(t*2,12))/12))+0.5*sin(2*PI*t*220*pow(2,floor(mod(t*2,12))/12)))':s=16000:d=9`;
  for (let i = 0; i < each; i++) {
    ffmpeg(
      '-i',
      at(i),
      '-f',
      'lavfi',
      '-i',
      'anullsrc=r=16000:cl=mono:d=9',
      '-map',
      '0:v:0',
      '-map',
      '1:a',
      '-shortest',
      ...encode,
      out,
    );
    yield { kind: 'silence', path: out };
    ffmpeg(
      '-i',
      at(i),
      ...audioOf(i),
      '-filter_complex',
      '[0:v]trim=end_frame=1,loop=-1:1,setpts=N/25/TB,fps=25[v]',
      '-map',
      '[v]',
      '-map',
      '1:a:0',
      '-shortest',
      ...encode,
      out,
    );
    yield { kind: 'still photograph with its speech', path: out };
    ffmpeg('-i', at(i), '-f', 'lavfi', '-i', music, '-map', '0:v:0', '-map', '1:a', '-shortest', ...encode, out);
    yield { kind: 'music', path: out };
    // Half a second, to and fro at a third of its speed: a face that moves and does not talk.
    ffmpeg(
      '-i',
      at(i),
      ...audioOf(i + 3),
      '-filter_complex',
      '[0:v]fps=25,trim=end_frame=12,setpts=3*N/25/TB,fps=25,split[a][b];[b]reverse[c];[a][c]concat,loop=-1:72,setpts=N/25/TB[v]',
      '-map',
      '[v]',
      '-map',
      '1:a:0',
      '-shortest',
      ...encode,
      out,
    );
    yield { kind: 'a face that does not talk', path: out };
    for (const other of [5, 11]) {
      ffmpeg('-i', at(i), ...audioOf(i + other), '-map', '0:v:0', '-map', '1:a:0', '-shortest', ...encode, out);
      yield { kind: 'another person’s voice', path: out };
    }
  }
}
