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

/** Sixty files without an offset: of each kind as many as `each`, of two voices of other people each. */
export async function* filesWithoutOffset(paths, folder, each = 10) {
  const at = (i) => paths[i % paths.length];
  const out = join(folder, 'without.mkv');
  for (let i = 0; i < each; i++) {
    const kinds = [
      ['silence', lavfi('anullsrc=r=16000:cl=mono:d=9')],
      ['still photograph with its speech', ['-i', at(i)], STILL],
      ['music', lavfi(MUSIC)],
      ['a face that does not talk', ['-i', at(i + 3)], TO_AND_FRO],
      ['another person’s voice', ['-i', at(i + 5)]],
      ['another person’s voice', ['-i', at(i + 11)]],
    ];
    for (const [kind, audio, filter = 'null'] of kinds) {
      const streams = ['-filter_complex', `[0:v]${filter}[v]`, '-map', '[v]', '-map', '1:a:0', '-shortest'];
      ffmpeg('-i', at(i), ...audio, ...streams, ...ENCODE, out);
      yield { kind, path: out };
    }
  }
}

const lavfi = (source) => ['-f', 'lavfi', '-i', source];
const STILL = 'trim=end_frame=1,loop=-1:1,setpts=N/25/TB,fps=25';
/** Half a second, to and fro at a third of its speed: a face that moves and does not talk. */
const TO_AND_FRO =
  'fps=25,trim=end_frame=12,setpts=3*N/25/TB,fps=25,split[a][b];[b]reverse[c];[a][c]concat,loop=-1:72,setpts=N/25/TB';
const MUSIC = `aevalsrc='0.2*exp(-4*mod(t,0.5))*(sin(2*PI*t*110*pow(2,floor(mod(t*2,12))/12))+0.5*sin(2*PI*t*220*pow(2,floor(mod(t*2,12))/12)))':s=16000:d=9`;
const ENCODE = '-c:v libx264 -crf 18 -pix_fmt yuv420p -c:a pcm_s16le -ar 16000 -t 8'.split(' ');
