import type { FrameRegion, MediaInfo } from '@lipsync/contracts';

/** Pixels, or expressions of ffmpeg's `scale` filter. */
export type FrameSize = { width: number | string; height: number | string };

/**
 * A frame is shown at most this long before its own time: a frame that stood for a second does not give way half a
 * second early.
 */
export const EARLIEST_MICROSECONDS = 50_000;

/** Prints -1 at the first frame, and again whenever ffmpeg builds the filters anew; is 0. */
const FRAMES_BEGIN = '0*print(-1)';
/** Likewise -2 at the first audio. */
const AUDIO_BEGINS = 'if(isnan(PREV_INPTS)\\,0*print(-2)\\,0)';

/**
 * Frames at a constant rate, of an input whose clock is 0 at the first one (`-itsoffset`; moved by a filter, ffmpeg 4.1
 * would not move the end as well and would repeat the last frame): frame k is the one whose time is nearest to
 * `k / fps`.
 *
 * ffmpeg's `fps` filter takes the last frame before the next tick (`round=near`: half a tick later), which shows a 60
 * fps video 12 ms too late on average. Moving each frame half-way to the one before it and rounding up takes the
 * nearest one, so that audio and frame stay together at every source rate, a variable one too; across holes above 100
 * ms it comes 50 ms early.
 *
 * @param options.first the first frame that is wanted; the input may begin anywhere before it.
 */
export function frameFilter(
  fps: number,
  { size, flags = 'bicubic', first = 0 }: { size?: FrameSize; flags?: 'bicubic' | 'area'; first?: number } = {},
): string {
  return [
    'settb=AVTB', // microseconds: a clock of 1/25 s has no half frames
    `setpts=PTS-if(isnan(PREV_INPTS)\\,${FRAMES_BEGIN}\\,min((PTS-PREV_INPTS)/2\\,${EARLIEST_MICROSECONDS}))`,
    `fps=${fps}:round=up:start_time=${first / fps}`,
    ...(size ? [scaleFilter(size, flags)] : []),
  ].join(',');
}

/**
 * `frameFilter` for a region of each frame, cut out before its colours are converted.
 *
 * The region is written as shares of the size, so that a video that changes it half way still gives frames of one size.
 */
export function regionFilter(fps: number, region: FrameRegion, whole: { width: number; height: number }): string {
  return `${frameFilter(fps)},${cropFilter(region, whole)}`;
}

/** Scaling; always given, so that a video that changes its size half way still gives frames of one size. */
export const scaleFilter = (size: FrameSize, flags: 'bicubic' | 'area' = 'bicubic') =>
  `scale=${size.width}:${size.height}:flags=${flags}`;

/** Cuts a region of a frame whose size is `whole`, or in the same shares of one that has another size. */
export function cropFilter(region: FrameRegion, whole: { width: number; height: number }): string {
  const share = (part: number, of: 'iw' | 'ih', side: number) => `round(${of}*${part}/${side})`;
  const { left, top, width, height } = region;
  const crop = [
    share(width, 'iw', whole.width),
    share(height, 'ih', whole.height),
    share(left, 'iw', whole.width),
    share(top, 'ih', whole.height),
  ];
  return `crop=${crop.join(':')},${scaleFilter({ width, height })}`;
}

export type AudioFilterOptions = {
  /** Channels of the output. Default: as they are. */
  layout?: 'mono';
  /** Gaps in the timestamps beyond this become silence, seconds. Default 0.04, one frame at 25 fps. */
  gapSec?: number;
  /**
   * Whether audio is put at its time. Without it, pieces keep their own times: nothing is put before or between them and
   * nothing is cut. Default true.
   */
  placed?: boolean;
};

/**
 * Audio whose sample 0 plays at `zeroMicroseconds` of the container's clock, where the first frame is: silence is put
 * before a later start, an earlier part is cut away, gaps in the timestamps beyond `gapSec` become silence.
 *
 * The clock is moved here and not by `-itsoffset`: where that equals the file's start, ffmpeg 4.1 to 5.1 let the audio
 * of an MPEG transport stream begin at 0 wherever it began.
 */
export function audioFilter(
  zeroMicroseconds: number,
  sampleRate: number,
  { layout, gapSec = 0.04, placed = true }: AudioFilterOptions = {},
): string {
  const placing = placed ? `:async=1:first_pts=0:min_comp=0.00001:min_hard_comp=${gapSec}` : '';
  return [
    'asettb=AVTB',
    `asetpts=PTS-(${zeroMicroseconds})+${AUDIO_BEGINS}`,
    // rematrix_maxval: without it a float downmix is not normalised and stereo comes out 3 dB louder than in 16 bits.
    `aresample=${sampleRate}${placing}:rematrix_maxval=1`,
    `aformat=sample_fmts=flt:sample_rates=${sampleRate}${layout ? `:channel_layouts=${layout}` : ''}`,
  ].join(',');
}

/** A frame filter that also prints a number for each frame that it puts out. The output is unchanged. */
export const printFrames = (filter: string) => `${filter},setpts=PTS+0*print(N)`;

/** An audio filter that also prints the first sample and the length of each piece that it puts out. */
export const printPieces = (filter: string) => `${filter},ashowinfo@out`;

/**
 * Every frame as it comes, in the given size, its time printed in microseconds. Nothing here keeps a frame or a time,
 * so that it does no harm where ffmpeg builds the filters anew.
 */
export const timedFrames = (scaling: string) => `settb=AVTB,setpts=print(PTS),${scaling}`;

/** Output arguments with which ffmpeg neither repeats nor drops frames; 5.1 renamed them. */
export function passFrames(version: string): string[] {
  const [, major = 9, minor = 0] = (/^n?(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  const build = Number(/^N-(\d+)/.exec(version)?.[1] ?? Number.POSITIVE_INFINITY);
  const old = major < 5 || (major === 5 && minor < 1) || build < 107_000;
  return old ? ['-vsync', 'passthrough'] : ['-fps_mode', 'passthrough'];
}

/**
 * A frame filter that also prints the time of its first frame, by a branch that ends after it. The output is unchanged.
 */
export const printFirstFrame = (filter: string) =>
  `settb=AVTB,split[s][t];[t]trim=end_frame=1,showinfo,nullsink;[s]${filter}`;

/** An audio filter that also prints the time of its first piece. */
export const printFirstAudio = (filter: string) =>
  `asettb=AVTB,asplit[s][t];[t]atrim=end_sample=1,ashowinfo,anullsink;[s]${filter}`;

/** The upright size scaled down so that no side is above `maxSide`, the aspect kept. */
export function fittedSize(
  video: NonNullable<MediaInfo['video']>,
  maxSide = Infinity,
): { width: number; height: number } {
  const scale = Math.min(1, maxSide / Math.max(video.width, video.height));
  return { width: Math.max(1, Math.round(video.width * scale)), height: Math.max(1, Math.round(video.height * scale)) };
}

/** `fittedSize` as expressions of ffmpeg's `scale` filter, for a video whose size is not known yet. */
export function fittedExpressions(maxSide?: number): FrameSize {
  if (maxSide === undefined) return { width: 'iw', height: 'ih' };
  const scaled = (side: string) => `max(1\\,round(${side}*min(1\\,${maxSide}/max(iw\\,ih))))`;
  return { width: scaled('iw'), height: scaled('ih') };
}
