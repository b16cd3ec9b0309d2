import type { MediaTrack } from '@lipsync/contracts';

/** A video or audio stream of a file, as ffmpeg describes it. */
export type StreamLine = {
  kind: 'video' | 'audio';
  /** ffmpeg's number of the stream, counted over all kinds. */
  number: number;
  /** Its number among the streams of its kind, from 0: what users see. */
  track: number;
  /** `none` where ffmpeg does not know it. */
  codec: string;
  /** What follows the codec on the line. */
  rest: string;
  /** The line and what is indented below it. */
  text: string;
  language?: string;
  title?: string;
  /** Marks of the container: `default`, `comment`, `visual impaired`, `attached pic` … */
  marks: string[];
  /** Numbers of the programs of a transport stream that hold it. */
  programs: number[];
};

/**
 * The part of ffmpeg's messages that describes the input: with outputs named, ffmpeg describes those in the same words
 * further down.
 */
export function inputDump(messages: string): string {
  const start = messages.search(/^Input #0,/m);
  return start < 0 ? '' : messages.slice(start).split(/^(?:Stream mapping:|Output #0)/m)[0];
}

/** Start of the container's clock, seconds; undefined where ffmpeg prints none. */
export function inputStartSec(messages: string): number | undefined {
  const start = /^ {2}Duration: [^,]*, start: (-?[\d.]+)/m.exec(inputDump(messages))?.[1];
  return start === undefined ? undefined : Number(start);
}

/** All marks that ffmpeg prints in brackets at the end of a stream's line. */
const MARKS =
  /\((default|dub|original|comment|lyrics|karaoke|forced|hearing impaired|visual impaired|clean effects|attached pic|timed thumbnails|captions|descriptions|metadata|dependent|still image|non-diegetic)\)/g;

/** The video and audio streams of a file; data and subtitles are left out. */
export function streamLines(messages: string): StreamLine[] {
  const streams: StreamLine[] = [];
  const counts = { video: 0, audio: 0 };
  let program: number | undefined;
  // A stream's line, and its indented metadata and side data until the next stream.
  for (const text of inputDump(messages)
    .split(/^ {2,4}(?=Stream #0:\d+|Program \d+|No Program)/m)
    .slice(1)) {
    const line = text.split('\n', 1)[0].trim();
    const header = /^(?:Program (\d+)|No Program)/.exec(line);
    if (header) program = header[1] === undefined ? undefined : Number(header[1]);
    const match = /^Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([^)]*)\))?: (Video|Audio): (\w+)(.*)$/.exec(line);
    if (!match) continue;
    const [, number, language, name, codec, rest] = match;
    const known = streams.find((stream) => stream.number === Number(number)); // in several programs
    if (known) {
      if (program !== undefined) known.programs.push(program);
      continue;
    }
    const kind = name === 'Video' ? 'video' : 'audio';
    streams.push({
      kind,
      number: Number(number),
      track: 0,
      codec,
      rest,
      text,
      ...(language && language !== 'und' ? { language } : {}),
      ...(title(text) === undefined ? {} : { title: title(text) }),
      marks: [...rest.matchAll(MARKS)].map(([, mark]) => mark),
      programs: program === undefined ? [] : [program],
    });
  }
  streams.sort((a, b) => a.number - b.number);
  for (const stream of streams) stream.track = counts[stream.kind]++;
  return streams;
}

const title = (text: string) => /^ +title +: (.*)$/m.exec(text)?.[1]?.trim();

/** `aac, stereo, eng, "Commentary", comment`. */
function describeStream({ kind, codec, rest, language, title, marks }: StreamLine): string {
  const shape =
    kind === 'video'
      ? /, (\d+x\d+)(?=[ ,[]|$)/.exec(rest)?.[1].replace('x', ' x ')
      : / Hz, ([^,]+)/.exec(rest)?.[1].trim();
  const name = codec === 'none' ? 'unknown codec' : codec;
  return [name, shape, language, title === undefined ? undefined : JSON.stringify(title), ...marks]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** A stream as users see it. */
export function mediaTrack(stream: StreamLine, problem?: MediaTrack['problem']): MediaTrack {
  return { track: stream.track, description: describeStream(stream), ...(problem === undefined ? {} : { problem }) };
}
