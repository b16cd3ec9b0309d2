/** Mean gray (ITU-R BT.601) of one frame, RGB, 0..255. */
export function meanGray(rgb: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < rgb.length; i += 3) sum += 0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2];
  return (3 * sum) / rgb.length;
}
