import type { MeterFace, MeterReading } from '@lipsync/score';

const byId = <A extends HTMLElement>(id: string) => document.getElementById(id) as A;

const PROBLEMS = {
  'no frames': 'No picture comes in',
  'no face': 'No face found: turn it to the camera, and into the light',
  'no audio': 'No audio beside the picture',
};

/** Shows what a reading says, in words, numbers and the mouth. */
export class ResultPanel {
  readonly #verdict = byId('verdict');
  readonly #advice = byId('advice');
  readonly #offset = byId('offset');
  readonly #confidence = byId('confidence');
  readonly #bar = byId<HTMLMeterElement>('confidence-bar');
  readonly #mouth = byId<HTMLCanvasElement>('mouth');

  clear(words: string): void {
    this.#say(words, 'none');
    this.#advice.textContent = '';
    this.#offset.textContent = '–';
    this.#setConfidence(null);
    this.#mouth.getContext('2d')!.clearRect(0, 0, this.#mouth.width, this.#mouth.height);
  }

  show({ faces: [face], problem }: MeterReading): void {
    if (face?.mouth) this.#showMouth(face.mouth);
    if (!face?.verdict) {
      this.#say(PROBLEMS[problem ?? 'no face'], 'cannot tell');
      this.#advice.textContent = '';
      this.#offset.textContent = '–';
      this.#setConfidence(null);
      return;
    }
    const { answer, sentence, exactFrames, confidence } = face.verdict;
    this.#say(`${sentence[0].toUpperCase()}${sentence.slice(1)}`, answer);
    this.#advice.textContent = adviceOf(answer, exactFrames);
    this.#offset.textContent = exactFrames === null ? '–' : offsetWords(exactFrames);
    this.#setConfidence(answer === 'cannot tell' ? null : confidence);
  }

  #say(words: string, answer: string): void {
    if (this.#verdict.textContent !== words) this.#verdict.textContent = words; // else it would be read aloud again
    this.#verdict.dataset.answer = answer;
  }

  #setConfidence(confidence: number | null): void {
    this.#confidence.textContent = confidence === null ? '–' : `${Math.floor(100 * confidence)} %`;
    this.#bar.value = confidence ?? 0;
  }

  #showMouth({ data, width, height }: NonNullable<MeterFace['mouth']>): void {
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = data[3 * i + c];
      image.data[4 * i + 3] = 255;
    }
    if (this.#mouth.width !== width || this.#mouth.height !== height)
      [this.#mouth.width, this.#mouth.height] = [width, height];
    this.#mouth.getContext('2d')!.putImageData(image, 0, 0);
  }
}

/** What would put it right. */
function adviceOf(answer: string, frames: number | null): string {
  if (answer === 'in sync') return 'Nothing to correct.';
  if (answer !== 'early' && answer !== 'late') return '';
  const milliseconds = Math.abs(Math.round((frames ?? 0) * 40));
  return `${answer === 'early' ? 'Delay' : 'Advance'} the audio by ${milliseconds} ms to correct it.`;
}

/** Milliseconds with a sign: positive, the audio is early. */
function offsetWords(frames: number): string {
  const milliseconds = Math.round(frames * 40);
  return `${milliseconds > 0 ? '+' : milliseconds < 0 ? '−' : ''}${Math.abs(milliseconds)} ms`;
}
