/** What is compared of a file that a browser and Node read. Runs in both. */

/** Cells of a frame on either side. */
const GRID = 8;

/** The description, the mean colours of the cells of every frame, and the audio. */
export async function readMedia(reader, input) {
  const info = await reader.probe(input, { channels: true });
  const frames = [];
  for await (const frame of reader.frames(input)) frames.push(cellsOf(frame));
  const audio = [];
  for await (const { samples } of reader.audio(input)) for (const value of samples) audio.push(value);
  const small = [];
  for await (const frame of reader.view(input, { maxSide: 100 }))
    small.push([frame.width, frame.height, ...cellsOf(frame)]);
  const region = { left: 64, top: 32, width: 96, height: 64 };
  const parts = [];
  for await (const frame of reader.view(input, { region })) parts.push(cellsOf(frame));
  return { info, frames, audio, small, parts };
}

function cellsOf({ data, width, height }) {
  const sums = new Float64Array(GRID * GRID * 3);
  const counts = new Float64Array(GRID * GRID * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = 3 * (Math.floor((GRID * y) / height) * GRID + Math.floor((GRID * x) / width));
      for (let colour = 0; colour < 3; colour++, at++) {
        sums[cell + colour] += data[at];
        counts[cell + colour]++;
      }
    }
  }
  return Array.from(sums, (sum, i) => Math.round((100 * sum) / counts[i]) / 100);
}
