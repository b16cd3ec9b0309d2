/**
 * The line for a shell that shifts the audio of a video by ffmpeg alone; the frames are copied.
 *
 * @param shiftSec positive: the audio is delayed, silence before it; negative: its beginning is cut off.
 */
export function ffmpegLine(
  input: string,
  output: string,
  { shiftSec, videoTrack = 0, audioTrack = 0 }: { shiftSec: number; videoTrack?: number; audioTrack?: number },
): string {
  const filter =
    shiftSec >= 0
      ? `adelay=${Math.round(1000 * shiftSec)}:all=1`
      : `atrim=start=${(-shiftSec).toFixed(3)},asetpts=PTS${shiftSec.toFixed(3)}/TB`;
  const maps = `-map 0:v:${videoTrack} -map 0:a:${audioTrack}`;
  return `ffmpeg -i ${quoted(input)} ${maps} -c:v copy -af "${filter}" ${quoted(output)}`;
}

/** A word of a shell's line. */
const quoted = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replace(/'/g, `'\\''`)}'`;
