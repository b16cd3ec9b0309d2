import { log } from '../../terminal/output';
import { createProgress, type Progress } from '../../terminal/progress';

/** A progress bar for each part of the work. */
export class PassBar {
  #bar: Progress | undefined;
  #label = '';

  update(label: string, done: number, total: number, facts?: string): void {
    if (label !== this.#label) {
      this.stop();
      [this.#bar, this.#label] = [createProgress({ label, total }), label];
    }
    this.#bar?.update(done, facts);
  }

  log(line: string): void {
    if (this.#bar) this.#bar.log(line);
    else log(line);
  }

  stop(): void {
    this.#bar?.stop();
    [this.#bar, this.#label] = [undefined, ''];
  }
}
