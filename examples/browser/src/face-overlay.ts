import type { MeterFace } from '@lipsync/score';

type Box = NonNullable<MeterFace['box']>;

/** Boxes farther from the time shown are not drawn, seconds. */
const NEAR_SEC = 1.2;

/** Draws the box of the face over a video, at the time that it shows. */
export class FaceOverlay {
  readonly #video: HTMLVideoElement;
  readonly #canvas: HTMLCanvasElement;
  #seen: { timeSec: number; box: Box }[] = [];
  #size = { width: 1, height: 1 };
  #live = false;

  constructor(video: HTMLVideoElement, canvas: HTMLCanvasElement) {
    this.#video = video;
    this.#canvas = canvas;
    const draw = () => {
      this.#draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** @param live whether the last box is drawn, whatever the time. */
  start(size: { width: number; height: number }, live: boolean): void {
    this.#seen = [];
    this.#size = size;
    this.#live = live;
  }

  add({ box, seenSec }: MeterFace): void {
    if (!box || (this.#seen.at(-1)?.timeSec ?? -1) >= seenSec) return;
    this.#seen.push({ timeSec: seenSec, box });
    if (this.#live) this.#seen = this.#seen.slice(-1);
  }

  #draw(): void {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d')!;
    context.clearRect(0, 0, width, height);
    const box = this.#live ? this.#seen.at(-1)?.box : this.#boxAt(this.#video.currentTime);
    if (!box) return;
    // The video is fitted into its element.
    const fit = Math.min(width / this.#size.width, height / this.#size.height);
    const [left, top] = [(width - fit * this.#size.width) / 2, (height - fit * this.#size.height) / 2];
    const margin = 0.12 * (box.right - box.left);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2.5 * scale;
    context.beginPath();
    context.roundRect(
      left + fit * (box.left - margin),
      top + fit * (box.top - 3 * margin),
      fit * (box.right - box.left + 2 * margin),
      fit * (box.bottom - box.top + 4 * margin),
      10 * scale,
    );
    context.stroke();
  }

  /** Between the two boxes around a time. */
  #boxAt(timeSec: number): Box | undefined {
    const next = this.#seen.findIndex((one) => one.timeSec >= timeSec);
    const after = this.#seen.at(next);
    const before = next > 0 ? this.#seen[next - 1] : after;
    if (!after || !before || Math.min(Math.abs(after.timeSec - timeSec), Math.abs(before.timeSec - timeSec)) > NEAR_SEC)
      return undefined;
    const span = after.timeSec - before.timeSec;
    const share = span > 0 ? Math.min(1, Math.max(0, (timeSec - before.timeSec) / span)) : 0;
    const between = (name: keyof Box) => before.box[name] + share * (after.box[name] - before.box[name]);
    return { left: between('left'), top: between('top'), right: between('right'), bottom: between('bottom') };
  }
}
