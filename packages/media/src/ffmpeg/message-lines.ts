/** A line that ffmpeg wrote under `-v level+…`: its level, and the line without the level. */
export type MessageLine = { level: string; text: string };

/** Levels at and above ffmpeg's `-v error`. */
const ERRORS = new Set(['error', 'fatal', 'panic']);

export const isError = (line: MessageLine) => ERRORS.has(line.level);

/**
 * Splits text that arrives in pieces into lines and strips the level: `[h264 @ 0x5] [error] text` becomes level `error`
 * and `[h264 @ 0x5] text`. A line without a level belongs to the one before it.
 */
export function messageLines(tell: (line: MessageLine) => void): (text: string) => void {
  let rest = '';
  let level = 'info';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(-65_536);
    for (const line of lines) {
      const match = /^(\[[^\]]* @ [^\]]*\] )?\[(quiet|panic|fatal|error|warning|info|verbose|debug|trace)\] /.exec(
        line,
      );
      if (match) level = match[2];
      tell({ level, text: match ? (match[1] ?? '') + line.slice(match[0].length) : line });
    }
  };
}

/** What is kept of the errors: enough for a reason, bounded for a video with a million bad packets. */
const KEPT_CHARACTERS = 16_384;

/** Collects the lines of errors, the first and the last of them, and passes every line on. */
export function errorLines(tell?: (line: MessageLine) => void): { listen: (text: string) => void; text(): string } {
  let head = '';
  let tail = '';
  const listen = messageLines((line) => {
    tell?.(line);
    if (!isError(line)) return;
    if (head.length < KEPT_CHARACTERS) head += `${line.text}\n`;
    else tail = `${tail}${line.text}\n`.slice(-KEPT_CHARACTERS);
  });
  return { listen, text: () => head + tail };
}
