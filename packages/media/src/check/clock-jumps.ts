import { open } from 'node:fs/promises';

/** Ticks a second of MPEG's clocks. */
const TICKS = 90_000;
/** Steps back beyond this, seconds, and forward beyond that, are jumps to ffmpeg as well. */
const [BACK, FORWARD] = [0.1, 10];
/** Bytes that are read at once. */
const CHUNK = 2 ** 20;

/**
 * Whether the clock of an MPEG transport or program stream jumps, as it does where recordings were joined: reads the
 * time stamps of the packets, nothing is decoded. False for other containers, which hold their times elsewhere.
 */
export async function clockJumps(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(5 * 192);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const scan = scanFor(head.subarray(0, bytesRead));
    if (!scan) return false;
    const clock = new Clock();
    let rest = Buffer.alloc(0);
    for (let at = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead: count } = await file.read(chunk, 0, CHUNK, at);
      if (count === 0) return clock.jumped;
      at += count;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      rest = bytes.subarray(scan(bytes, clock));
      if (clock.jumped) return true;
    }
  } finally {
    await file.close();
  }
}

/** Scans whole packets; returns how many bytes it is done with. */
type Scan = (bytes: Buffer, clock: Clock) => number;

function scanFor(head: Buffer): Scan | undefined {
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1ba) return scanPacks;
  for (const [length, first] of [
    [188, 0],
    [192, 4],
  ]) {
    const starts = [0, 1, 2, 3, 4].map((index) => first + index * length).filter((at) => at < head.length);
    if (starts.length >= 2 && starts.every((at) => head[at] === 0x47)) return transportScan(length, first);
  }
  return undefined;
}

/** The latest time of each stream. */
class Clock {
  jumped = false;
  readonly #last = new Map<number, number>();

  see(stream: number, ticks: number): void {
    const last = this.#last.get(stream);
    this.#last.set(stream, ticks);
    if (last === undefined) return;
    let step = (ticks - last) / TICKS;
    const round = 2 ** 33 / TICKS; // the clock has 33 bits
    if (step < -round / 2) step += round;
    if (step > round / 2) step -= round;
    if (step < -BACK || step > FORWARD) this.jumped = true;
  }
}

/** Program streams: the clock in the header of each pack. */
const scanPacks: Scan = (bytes, clock) => {
  const start = Buffer.from([0, 0, 1, 0xba]);
  for (let at = bytes.indexOf(start); ; at = bytes.indexOf(start, at + 4)) {
    if (at < 0) return Math.max(0, bytes.length - 3);
    if (at + 10 > bytes.length) return at;
    const mpeg2 = bytes[at + 4] >> 6 === 1;
    clock.see(0, mpeg2 ? packClock(bytes, at + 4) : timeStamp(bytes, at + 4));
  }
};

/** 33 bits with a marker after the third and the eighteenth, behind two bits. */
const packClock = (bytes: Buffer, at: number) =>
  ((bytes[at] >> 3) & 7) * 2 ** 30 +
  ((bytes[at] & 3) * 2 ** 13 + bytes[at + 1] * 2 ** 5 + (bytes[at + 2] >> 3)) * 2 ** 15 +
  ((bytes[at + 2] & 3) * 2 ** 13 + bytes[at + 3] * 2 ** 5 + (bytes[at + 4] >> 3));

/** 33 bits with a marker after the third, the eighteenth and the last, behind four bits. */
const timeStamp = (bytes: Buffer, at: number) =>
  ((bytes[at] >> 1) & 7) * 2 ** 30 +
  (bytes[at + 1] * 2 ** 7 + (bytes[at + 2] >> 1)) * 2 ** 15 +
  (bytes[at + 3] * 2 ** 7 + (bytes[at + 4] >> 1));

/** Transport streams: the decoding time, or else the presentation time, where a stream's packet begins. */
const transportScan =
  (length: number, first: number): Scan =>
  (bytes, clock) => {
    let at = 0;
    while (at + length <= bytes.length) {
      const packet = bytes.subarray(at + first, at + first + 188);
      if (packet[0] !== 0x47) {
        at = nextSync(bytes, at + 1, { length, first }); // after a part that ended in the middle of a packet
        continue;
      }
      at += length;
      const begins = (packet[1] & 0x40) !== 0;
      const hasPayload = (packet[3] & 0x10) !== 0;
      if (!begins || !hasPayload) continue;
      const payload = packet.subarray((packet[3] & 0x20) !== 0 ? 5 + packet[4] : 4);
      if (payload.length < 19 || payload.readUIntBE(0, 3) !== 1 || payload[6] >> 6 !== 2) continue;
      const stamps = payload[7] >> 6;
      const stream = packet.readUInt16BE(1) & 0x1fff;
      if (stamps >= 2) clock.see(stream, timeStamp(payload, stamps === 3 ? 14 : 9));
    }
    return at;
  };

/** Where the next packet begins: its mark and that of the one after it. */
function nextSync(bytes: Buffer, from: number, { length, first }: { length: number; first: number }): number {
  for (let at = from; at + first + length < bytes.length; at++) {
    if (bytes[at + first] === 0x47 && bytes[at + first + length] === 0x47) return at;
  }
  return bytes.length;
}
