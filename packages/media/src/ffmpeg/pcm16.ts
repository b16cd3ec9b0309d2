/** ffmpeg's name of the raw 16-bit format that an Int16Array of this machine reads. */
export const NATIVE_PCM16 = new Uint8Array(new Int16Array([1]).buffer)[0] === 1 ? 's16le' : 's16be';

/** A 16-bit sample at full scale -1..1. */
export const fromPcm16 = (value: number) => value / 32768;
