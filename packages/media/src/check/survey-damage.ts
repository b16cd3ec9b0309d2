import type { ConcealedDamage } from '@lipsync/contracts';
import { messageLines } from '../ffmpeg/message-lines';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { reportsDamage } from '../read/decode-bytes';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';
import { cutShort } from './cut-short';
import type { Probe } from './probe';

/** Frames that decoders hold back: those shown right after a message belong to before it. */
const DELAY = 4;
/** Frames, and pieces of audio, that a join, a cut, or a beginning in the middle of a frame may spoil. */
const FEW = 5;
/** Share of the frames, and of the pieces of audio, that may be spoiled in long files. */
const SHARE = 0.02;
/** Seconds that may be missing at the end: a last frame or two. */
const LOST_SEC = 0.1;
/** Seconds by which the audio may end before the frames and nothing be missing. */
const AUDIO_ENDS_EARLIER = 0.4;

/** What is damaged in a file. */
export type DamageSurvey = ConcealedDamage & {
  /**
   * Whether no more is lost than single frames which no other frame refers to, single pieces of audio, and a last frame
   * or two: times are right and what is shown is what was recorded.
   */
  minor: boolean;
};

/** A frame, or a piece of audio, that came out. */
type Shown = { sec: number; key: boolean; durationSec: number };

/** One kind of stream: what came out, and before which of it damage was reported. */
class Stream {
  readonly shown: Shown[] = [];
  /** Number of pieces that had come out when damage was reported, each once. */
  readonly places: number[] = [];

  damage(): void {
    if (this.places.at(-1) !== this.shown.length) this.places.push(this.shown.length);
  }

  get endSec(): number {
    const last = this.shown.at(-1);
    return last ? last.sec + last.durationSec : Number.NaN;
  }

  /** Whether so many pieces are few. */
  few(count: number): boolean {
    return count <= Math.max(FEW, SHARE * this.shown.length);
  }
}

/**
 * Decodes a file once more, with one thread so that messages come in order, and finds where it is damaged, which frames
 * were spoiled by it and what is missing.
 */
export async function surveyDamage(
  ffmpegPath: string,
  file: InputFile,
  { probe, maxPixels }: { probe: Probe; maxPixels: number },
): Promise<DamageSurvey> {
  const short = await cutShort(file.path).catch(() => undefined);
  const { video, audio, first } = await decodeInOrder(ffmpegPath, file, { probe, maxPixels });
  const { info } = probe;
  const zero = probe.zeroMicroseconds / 1e6;
  const rate = info.video?.fps ?? 25;
  // Where a clock jumps, what lies between the parts was not recorded.
  const joined = probe.clock.startMicroseconds !== undefined;
  const spoiled = spoiledFrames(video, joined ? 0 : rate);
  const lostSec = short === undefined ? 0 : lostSeconds(probe, { video, audio }, short);
  const audioSec = audio.places.length * (audio.shown[0]?.durationSec ?? 0.02);
  const frames = spoiled.frames + Math.round(lostSec * rate);
  const seconds = Math.max(spoiled.frames / rate + lostSec, audioSec + lostSec);
  const at = [
    ...video.places.map((place) => video.shown[place]?.sec ?? video.endSec),
    ...audio.places.map((place) => audio.shown[place]?.sec ?? audio.endSec),
    ...(short === undefined ? [] : [Math.max(video.endSec || 0, audio.endSec || 0)]),
  ].filter(Number.isFinite);
  const firstSec = at.length === 0 ? 0 : Math.max(0, Math.min(...at) - zero);
  const reason = first ?? short ?? 'damage';
  return {
    frames,
    seconds,
    firstSec,
    note: noteOf({ video, audio, frames, seconds, firstSec, lostSec, reason }),
    minor: !spoiled.spreads && video.few(spoiled.frames) && audio.few(audio.places.length) && lostSec <= LOST_SEC,
  };
}

function noteOf(found: {
  video: Stream;
  audio: Stream;
  frames: number;
  seconds: number;
  firstSec: number;
  lostSec: number;
  reason: string;
}): string {
  const { video, audio, frames, seconds, firstSec, lostSec, reason } = found;
  const places = video.places.length + audio.places.length;
  if (places === 0 && lostSec === 0) return `the file ends in the middle of a frame or packet: ${reason}`;
  const counted = `${frames} ${frames === 1 ? 'frame' : 'frames'}`;
  const what = frames > 0 ? `${counted} (${seconds.toFixed(2)} s)` : `${seconds.toFixed(2)} s of audio`;
  const where = places > 1 ? `at ${places} places from ${firstSec.toFixed(2)} s on` : `at ${firstSec.toFixed(2)} s`;
  const end = lostSec > 0 ? `, ${lostSec.toFixed(2)} s of it at the end` : '';
  return `damaged or missing: ${what} ${where}${end}: ${reason}`;
}

/**
 * Frames from damage on up to the next key frame, and those missing there at a rate; `spreads` where others refer to
 * it.
 */
function spoiledFrames({ shown, places }: Stream, rate: number): { frames: number; spreads: boolean } {
  let [frames, until] = [0, 0];
  let spreads = false;
  const gaps = new Set<number>();
  for (const place of places) {
    const from = Math.max(place, until);
    const key = shown.findIndex(({ key }, index) => key && index >= place);
    const end = key < 0 ? shown.length : key;
    if (end - place > DELAY) {
      spreads = true;
      frames += Math.max(0, end - from);
    } else frames += place >= until ? 1 : 0;
    until = Math.max(until, end);
    // What the packets around it say is missing.
    for (let index = Math.max(1, place - 1); index <= Math.min(place + DELAY, shown.length - 1); index++) {
      const gap = Math.round((shown[index].sec - shown[index - 1].sec) * rate) - 1;
      if (gap > 0 && !gaps.has(index)) frames += gap;
      gaps.add(index);
    }
  }
  return { frames, spreads };
}

/**
 * Seconds that the container announces and the streams lack. A stream of packets, such as a transport stream, announces
 * nothing: it ends where its recording was stopped. Audio often ends somewhat earlier than the frames. ffmpeg corrects
 * the length of some cut files: then the share of the missing bytes counts.
 */
function lostSeconds(
  { info, zeroMicroseconds }: Probe,
  { video, audio }: { video: Stream; audio: Stream },
  short: string,
): number {
  if (/^the last (packet|page) /.test(short) || !Number.isFinite(info.durationSec)) return 0;
  const starts = [info.video?.startSec, info.audio?.startSec].filter((sec) => sec !== undefined);
  const announced = Math.min(...starts, zeroMicroseconds / 1e6) + info.durationSec;
  const lost = ({ endSec }: Stream) => (Number.isFinite(endSec) ? announced - endSec : info.durationSec);
  const [needs = 0, has = 0] = (short.match(/\d+/g) ?? []).map(Number);
  const length = Math.max(...[video.endSec, audio.endSec].filter(Number.isFinite), 0) - Math.min(...starts, 0);
  const seconds = [
    ...(has > 0 ? [((needs - has) / has) * length] : []),
    ...(info.video ? [lost(video)] : []),
    ...(info.audio ? [lost(audio) - (info.video ? AUDIO_ENDS_EARLIER : 0)] : []),
  ];
  return Math.max(0, ...seconds);
}

async function decodeInOrder(
  ffmpegPath: string,
  file: InputFile,
  { probe, maxPixels }: { probe: Probe; maxPixels: number },
): Promise<{ video: Stream; audio: Stream; first?: string }> {
  const { info, maps, clock } = probe;
  const [video, audio] = [new Stream(), new Stream()];
  const args = ['-nostdin', '-nostats', '-v', 'level+info', '-threads', '1'];
  args.push(...inputArguments({ ...file, ...clock }, maxPixels));
  const frameFilter = 'settb=AVTB,scale=16:16:flags=neighbor,showinfo';
  if (info.video) args.push('-map', maps.video, '-vf', frameFilter, '-f', 'null', '-');
  if (info.audio) args.push('-map', maps.audio, '-af', 'asettb=AVTB,ashowinfo', '-f', 'null', '-');
  const decoders: { video?: string; audio?: string } = {};
  let first: string | undefined;
  let mapped = false;
  const listen = messageLines(({ level, text }) => {
    // Before it, ffmpeg has only probed the file, and reports the same again.
    mapped ||= text.startsWith('Stream mapping:');
    if (!mapped) return;
    const mapping = /^ *Stream #(0:\d+) -> #\d+:0 \((\w+) \((\w+)\)/.exec(text);
    if (mapping)
      decoders[mapping[1] === maps.video ? 'video' : 'audio'] = mapping[3] === 'native' ? mapping[2] : mapping[3];
    const shown = /^\[Parsed_(a?)showinfo_\d+ @ [^\]]*\] n: *\d+ +pts: *(-?\d+)(.*)/.exec(text);
    if (shown) {
      const [, kind, pts, rest] = shown;
      const samples = /rate:(\d+) nb_samples:(\d+)/.exec(rest);
      const durationSec = samples ? Number(samples[2]) / Number(samples[1]) : 1 / (info.video?.fps ?? 25);
      (kind ? audio : video).shown.push({ sec: Number(pts) / 1e6, key: /iskey:1/.test(rest), durationSec });
    } else if (reportsDamage({ level, text })) {
      first ??= lastLine({ messages: text.replaceAll(file.url, 'the file') });
      const kind = streamOf(text, maps, decoders);
      if (kind !== 'audio' && info.video) video.damage();
      if (kind !== 'video' && info.audio) audio.damage();
    }
  });
  const run = runFfmpeg(ffmpegPath, args, { listen });
  run.stdout.resume();
  try {
    await run.ended;
  } finally {
    await run.kill();
  }
  return { video, audio, first };
}

/** Whose damage a message reports; undefined where it does not say. */
function streamOf(
  text: string,
  maps: Probe['maps'],
  decoders: { video?: string; audio?: string },
): 'video' | 'audio' | undefined {
  const number = /stream (?:#0:)?(\d+)\b/i.exec(text)?.[1] ?? /stream = (\d+)/.exec(text)?.[1];
  const [name] = /(?<=^\[)\w+(?= @ )/.exec(text) ?? [];
  for (const kind of ['video', 'audio'] as const) {
    if (number !== undefined && maps[kind] === `0:${number}`) return kind;
    if (name !== undefined && decoders[kind] === name) return kind;
  }
  return undefined;
}
