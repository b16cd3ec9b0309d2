import './style.css';
import type { MeterReading } from '@lipsync/score';
import { type Capture, openCamera } from './camera';
import { FaceOverlay } from './face-overlay';
import type { ToPage, ToWorker } from './messages';
import { OffsetChart } from './offset-chart';
import { ResultPanel } from './result-panel';

const byId = <A extends HTMLElement>(id: string) => document.getElementById(id) as A;
const video = byId<HTMLVideoElement>('video');
const screen = byId('screen');
const status = byId('status');
const stop = byId<HTMLButtonElement>('stop');
const progress = byId<HTMLProgressElement>('progress');
const panel = new ResultPanel();
const overlay = new FaceOverlay(video, byId<HTMLCanvasElement>('overlay'));
const chart = new OffsetChart(document.querySelector<SVGSVGElement>('#chart')!);
const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (message: ToWorker, transfer: Transferable[] = []) => worker.postMessage(message, transfer);

let capture: Capture | undefined;
/** Counts what was begun or stopped: a camera that opens later than that is closed. */
let begun = 0;
let durationSec = 0;
let startedAt = 0;

worker.onmessage = ({ data }: MessageEvent<ToPage>) => {
  if (data.kind === 'ready') {
    status.textContent = 'Ready. Everything runs on this device.';
    document.body.dataset.ready = data.backend;
  } else if (data.kind === 'opened') {
    durationSec = data.durationSec;
    overlay.start(data, false);
    chart.start(durationSec);
  } else if (data.kind === 'progress') {
    progress.value = data.timeSec / durationSec;
  } else if (data.kind === 'reading') show(data.reading);
  else if (data.kind === 'done') {
    show(data.reading);
    const took = (performance.now() - startedAt) / 1000;
    finish(`Measured ${durationSec.toFixed(1)} s of video in ${took.toFixed(1)} s.`);
    document.body.dataset.done = took.toFixed(1);
  } else fail(data.message);
};
worker.onerror = ({ message }) => fail(message);

function show(reading: MeterReading): void {
  document.body.dataset.first ??= ((performance.now() - startedAt) / 1000).toFixed(1);
  panel.show(reading);
  for (const face of reading.faces) {
    overlay.add(face);
    if (face.verdict) chart.add(face.verdict);
  }
}

function release(): void {
  begun++;
  capture?.stop();
  capture = undefined;
}

function begin(words: string): void {
  release();
  delete document.body.dataset.first;
  delete document.body.dataset.done;
  startedAt = performance.now();
  screen.dataset.filled = 'true';
  stop.hidden = false;
  panel.clear(words);
}

function finish(words: string): void {
  stop.hidden = true;
  progress.hidden = true;
  status.textContent = words;
}

function fail(message: string): void {
  release();
  finish(message);
  panel.clear('That did not work');
}

function openFile(file: File): void {
  begin('Measuring …');
  status.textContent = file.name;
  progress.hidden = false;
  progress.value = 0;
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.src = URL.createObjectURL(file);
  video.controls = true;
  video.muted = false;
  send({ kind: 'file', file });
}

async function startCamera(): Promise<void> {
  begin('Listening …');
  const own = begun;
  video.removeAttribute('src');
  video.controls = false;
  status.textContent = 'Speak to the camera for some seconds.';
  send({ kind: 'live' });
  chart.start();
  let size = '';
  try {
    const opened = await openCamera(video, {
      onFrame(frame, timeSec) {
        const own = { width: frame.displayWidth, height: frame.displayHeight };
        if (size !== `${own.width} ${own.height}`) overlay.start(own, true);
        size = `${own.width} ${own.height}`;
        send({ kind: 'frame', frame, timeSec }, [frame]);
      },
      onAudio: (samples, sampleRate, timeSec) =>
        send({ kind: 'audio', samples, sampleRate, timeSec }, [samples.buffer as ArrayBuffer]),
      wanted: () => own === begun,
    });
    if (own === begun) capture = opened;
    else opened?.stop();
  } catch (error) {
    if (own === begun) fail(`The camera or microphone cannot be used: ${(error as Error).message}`);
  }
}

const fileInput = byId<HTMLInputElement>('file');
fileInput.onchange = () => {
  const file = fileInput.files?.[0];
  if (file) openFile(file);
  fileInput.value = '';
};
byId('camera').onclick = () => void startCamera();
stop.onclick = () => {
  send({ kind: 'stop' });
  release();
  finish('Stopped.');
};
screen.ondragover = (event) => {
  event.preventDefault();
  screen.dataset.over = 'true';
};
screen.ondragleave = () => delete screen.dataset.over;
screen.ondrop = (event) => {
  event.preventDefault();
  delete screen.dataset.over;
  const file = event.dataTransfer?.files[0];
  if (file) openFile(file);
};
if (import.meta.env.PROD) void navigator.serviceWorker?.register('./service-worker.js');
