/** Sends what the microphone records, mono, in pieces of 1024 samples with the time of their first one on the context's clock. */
class Capture extends AudioWorkletProcessor {
  #piece = new Float32Array(1024);
  #filled = 0;
  #startSec = 0;

  process([channels]) {
    if (channels.length === 0) return true;
    if (this.#filled === 0) this.#startSec = currentTime;
    for (let i = 0; i < channels[0].length; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.#piece[this.#filled + i] = sum / channels.length;
    }
    this.#filled += channels[0].length;
    if (this.#filled === this.#piece.length) {
      const samples = this.#piece.slice();
      this.port.postMessage({ samples, startSec: this.#startSec }, [samples.buffer]);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('capture', Capture);
