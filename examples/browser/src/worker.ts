/** All inference runs here, so that the page never waits. */
import { openMediaInBrowser } from '@lipsync/media';
import { createSyncMeter, loadExpert, type SyncMeter } from '@lipsync/score';
import type { ToPage, ToWorker } from './messages';

/** A whole clip up to a minute is one reading; of longer ones the last minute. */
const LONGEST_WINDOW_SEC = 60;
const LIVE_WINDOW_SEC = 8;

const post = (message: ToPage) => self.postMessage(message);
const logged: string[] = [];
const expert = loadExpert(undefined, { log: (line) => logged.push(line) });
let meter: SyncMeter | undefined;
/** Counts what was started: what belongs to an earlier one stops. */
let session = 0;

expert.then(
  () => post({ kind: 'ready', backend: logged.at(-1) ?? 'TensorFlow.js' }),
  ({ message }: Error) => post({ kind: 'failed', message }),
);

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'frame') {
    meter?.pushFrame(data.frame, data.timeSec);
    data.frame.close();
  } else if (data.kind === 'audio') {
    meter?.pushAudio({ samples: data.samples, sampleRate: data.sampleRate }, data.timeSec);
  } else {
    const own = ++session;
    start(data, own).catch(({ message }: Error) => own === session && post({ kind: 'failed', message }));
  }
};

async function start(message: Extract<ToWorker, { kind: 'file' | 'live' | 'stop' }>, own: number): Promise<void> {
  const before = meter;
  meter = undefined;
  await before?.dispose();
  if (message.kind === 'live') {
    const opened = await open(own, { windowSec: LIVE_WINDOW_SEC, everySec: 0.5 });
    if (own === session) meter = opened;
    else await opened.dispose();
  } else if (message.kind === 'file') await measure(message.file, own);
}

async function open(own: number, options: { windowSec: number; everySec: number }): Promise<SyncMeter> {
  const onReading = (reading: SyncMeter['reading']) => own === session && post({ kind: 'reading', reading });
  return createSyncMeter({ expert: await expert, onReading, ...options });
}

/** A file as a stream: what it says grows with what has passed. */
async function measure(file: File, own: number): Promise<void> {
  const reader = await openMediaInBrowser();
  const source = file as unknown as string; // readers of pages take files in a path's place
  const { video, audio, durationSec } = await reader.probe(source);
  if (!video) throw new Error('This file has no video.');
  if (!audio) throw new Error('This file has no audio.');
  if (own !== session) return;
  post({ kind: 'opened', width: video.width, height: video.height, durationSec });
  const windowSec = Math.min(LONGEST_WINDOW_SEC, Math.max(LIVE_WINDOW_SEC, durationSec));
  const stream = await open(own, { windowSec, everySec: 0.5 });
  if (own !== session) return stream.dispose();
  meter = stream;
  const pieces = reader.audio(source, { sampleRate: 16000 })[Symbol.asyncIterator]();
  let audioSec = 0;
  let ended = false;
  for await (const frame of reader.frames(source, { fps: 25 })) {
    if (own !== session) break;
    while (!ended && audioSec < frame.timeSec + 0.5) {
      const piece = await pieces.next();
      if (piece.done) ended = true;
      else {
        stream.pushAudio(piece.value, audioSec);
        audioSec += piece.value.samples.length / piece.value.sampleRate;
      }
    }
    stream.pushFrame(frame, frame.timeSec);
    if (stream.waiting >= 8) await stream.idle();
    if (frame.index % 5 === 0) post({ kind: 'progress', timeSec: frame.timeSec });
  }
  await pieces.return?.();
  if (own === session) post({ kind: 'done', reading: await stream.flush() });
}
