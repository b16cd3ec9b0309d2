/** Frames and audio of the camera with time stamps of one clock, that of `performance.now()`. */
export type Capture = { stop(): void };

type Sinks = {
  onFrame: (frame: VideoFrame, timeSec: number) => void;
  onAudio: (samples: Float32Array, sampleRate: number, timeSec: number) => void;
  /** Whether the camera is still wanted when the user has allowed it. */
  wanted: () => boolean;
};

/** More frames a second are not measured. */
const MOST_FPS = 30;

/**
 * Starts camera and microphone, shown in `video`; undefined where they are not wanted any more.
 *
 * @throws what the browser says where there is none or the user refuses.
 */
export async function openCamera(video: HTMLVideoElement, sinks: Sinks): Promise<Capture | undefined> {
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({
    video: {
      width: { ideal: 640 },
      height: { ideal: 480 },
      frameRate: { ideal: 25, max: MOST_FPS },
      facingMode: 'user',
    },
    audio: plain,
  });
  let context: AudioContext | undefined;
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const track of stream.getTracks()) track.stop();
    void context?.close();
    if (video.srcObject === stream) video.srcObject = null;
  };
  try {
    if (!sinks.wanted()) return void stop();
    video.srcObject = stream;
    video.muted = true; // else the speaker is heard again
    await video.play();
    takeFrames(video, sinks.onFrame, () => stopped);
    context = new AudioContext();
    await takeAudio(context, stream, sinks.onAudio);
    return { stop };
  } catch (error) {
    stop();
    if (!sinks.wanted()) return undefined;
    throw error;
  }
}

function takeFrames(video: HTMLVideoElement, onFrame: Sinks['onFrame'], stopped: () => boolean): void {
  const takeFrame: VideoFrameRequestCallback = (now, { captureTime, width, height }) => {
    if (stopped()) return;
    const timeMs = captureTime ?? now;
    if (width > 0 && height > 0)
      onFrame(new VideoFrame(video, { timestamp: Math.round(timeMs * 1000) }), timeMs / 1000);
    video.requestVideoFrameCallback(takeFrame);
  };
  video.requestVideoFrameCallback(takeFrame);
}

async function takeAudio(context: AudioContext, stream: MediaStream, onAudio: Sinks['onAudio']): Promise<void> {
  await context.audioWorklet.addModule('./capture-worklet.js');
  const node = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }: MessageEvent<{ samples: Float32Array; startSec: number }>) => {
    // The context's clock began when it did. Its time stamp says when a sample is played: it is recorded before, by the latency of the output.
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    if (performanceTime === 0) return; // not known yet
    const latency = context.outputLatency || 0;
    onAudio(data.samples, context.sampleRate, data.startSec - contextTime + performanceTime / 1000 - latency);
  };
  context.createMediaStreamSource(stream).connect(node);
}
