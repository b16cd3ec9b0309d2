import type { Waveform } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import { besideJumps, channelMixOf } from '../check/probe';
import type { AudioFilterOptions } from '../ffmpeg/filters';
import { audioFilter, printPieces } from '../ffmpeg/filters';
import { fromPcm16, NATIVE_PCM16 } from '../ffmpeg/pcm16';
import { decodeBytes } from './decode-bytes';
import { inputArguments, inputFile } from './input-file';
import type { MediaSource } from './media-source';
import { probeOnce } from './media-source';
import { OutputLog } from './output-log';
import type { PlacedSamples } from './placed-audio';
import { placedAudio } from './placed-audio';

/**
 * Mono audio in pieces of at most one second: as ffmpeg's filter places it while that keeps the time, then by the time of
 * each piece.
 */
export async function* decodeAudio(source: MediaSource, path: string, sampleRate: number): AsyncGenerator<Waveform> {
  const { ffmpegPath, maxPixels, damage, log } = source;
  const file = await inputFile('audio', path);
  const probe = await probeOnce(source, 'audio', file);
  const { info, audioZeroMicroseconds, maps, layout, clock } = probe;
  if (!info.audio) throw new Error(`audio: path must be a file with audio, got ${path} (no audio stream)`);
  const mix = await channelMixOf(ffmpegPath, file, { probe, maxPixels });
  // Joined parts may overlap by less than a frame: the second one must not be late by that.
  const gapSec = clock.startMicroseconds === undefined ? undefined : 0.005;
  const filterOf = (options: AudioFilterOptions) =>
    [...mixFilters(mix, layout), audioFilter(audioZeroMicroseconds, sampleRate, { layout: 'mono', ...options })].join(
      ',',
    );
  const onDamage = () => void source.damaged.add(file.version);
  // One second a piece.
  const unit = { name: 'second of audio', bytes: Math.round(sampleRate) * 2, wholeOnly: false };
  const decode = (filters: string, printed: OutputLog) => {
    const input = inputArguments({ ...file, ...clock }, maxPixels);
    const args = [...input, '-map', maps.audio, '-af', printPieces(filters), '-f', NATIVE_PCM16, 'pipe:1'];
    args.push(...besideJumps(probe, 'video'));
    return decodeBytes(ffmpegPath, { where: 'audio', path, args, unit, damage, log, printed, onDamage });
  };
  const printed = new OutputLog('audio');
  const waiting: Int16Array[] = [];
  let count = 0;
  let given = 0;
  function* give(until: number) {
    for (let [piece] = waiting; piece && given < until; [piece] = waiting) {
      if (given + piece.length > until && until !== printed.changedAt) return;
      waiting.shift();
      const samples = Float32Array.from(piece.subarray(0, until - given), fromPcm16);
      given += samples.length;
      yield { samples, sampleRate };
    }
  }
  for await (const data of decode(filterOf({ gapSec }), printed)) {
    waiting.push(new Int16Array(data.buffer, 0, data.byteLength >> 1));
    count += data.byteLength >> 1;
    await printed.covers(count);
    yield* give(Math.min(count, printed.settled));
    if (count > printed.changedAt) break;
  }
  yield* give(Math.min(count, printed.changedAt));
  if (printed.changedAt === Number.POSITIVE_INFINITY) return;
  const places = new OutputLog('audio', { timed: true });
  const rest = placedData(decode(filterOf({ placed: false }), places), places);
  for await (const samples of placedAudio(rest, { from: given, sampleRate })) yield { samples, sampleRate };
}

async function* placedData(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  places: OutputLog,
): AsyncGenerator<PlacedSamples> {
  let count = 0;
  for await (const data of pieces) {
    const length = data.byteLength >> 1;
    count += length;
    await places.covers(count);
    for (let offset = 0; offset < length; ) {
      const { time: at, units } = places.take(length - offset) ?? { time: Number.NaN, units: length - offset };
      yield { samples: Float32Array.from(new Int16Array(data.buffer, offset * 2, units), fromPcm16), at };
      offset += units;
    }
  }
}
