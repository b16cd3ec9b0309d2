/** Frames and audio of the camera with time stamps of one clock, that of `performance.now()`. */
export type Capture = { stop(): void };

type Sinks = {
  onFrame: (frame: VideoFrame, timeSec: number) => void;
  onAudio: (samples: Float32Array, sampleRate: number, timeSec: number) => void;
};

/** More frames a second are not measured. */
const MOST_FPS = 30;

/**
 * Starts camera and microphone, shown in `video`.
 *
 * @throws what the browser says where there is none or the user refuses.
 */
export async function openCamera(video: HTMLVideoElement, { onFrame, onAudio }: Sinks): Promise<Capture> {
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
  video.srcObject = stream;
  video.muted = true; // else the speaker is heard again
  await video.play();
  let stopped = false;
  const takeFrame: VideoFrameRequestCallback = (now, { captureTime, width, height }) => {
    if (stopped) return;
    const timeMs = captureTime ?? now;
    if (width > 0 && height > 0)
      onFrame(new VideoFrame(video, { timestamp: Math.round(timeMs * 1000) }), timeMs / 1000);
    video.requestVideoFrameCallback(takeFrame);
  };
  video.requestVideoFrameCallback(takeFrame);
  const context = new AudioContext();
  await context.audioWorklet.addModule('./capture-worklet.js');
  const node = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }: MessageEvent<{ samples: Float32Array; startSec: number }>) => {
    // The context's clock began when it did; what it hears was taken a little before.
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    onAudio(data.samples, context.sampleRate, data.startSec - contextTime + performanceTime / 1000);
  };
  context.createMediaStreamSource(stream).connect(node);
  return {
    stop() {
      stopped = true;
      for (const track of stream.getTracks()) track.stop();
      void context.close();
      video.srcObject = null;
    },
  };
}
