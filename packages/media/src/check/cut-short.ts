import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';

/**
 * Why a file is shorter than its container says; undefined where it is complete or the container does not say.
 *
 * Reads a few headers, no streams: ffmpeg decodes a cut Matroska, AVI or MPEG file up to where it ends, mostly without
 * a message. Knows MP4 and QuickTime (boxes), Matroska and WebM (segment), AVI, WAV and AIFF (chunks), FLV (last tag),
 * MPEG transport streams (whole packets), MPEG program streams and Ogg (last packet). A cut exactly between two packets
 * of a container without a total length cannot be detected.
 *
 * @throws Error where the file cannot be read.
 * @example
 * import { cutShort } from '@lipsync/media';
 * console.log(await cutShort('talk.mkv')); // the segment needs 1234 bytes, the file has 1000
 */
export async function cutShort(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === 0) return 'the file is empty';
    const head = await bytesAt(file, 0, 1024);
    for (const check of [boxes, segment, chunks, lastTag, packets, lastPack, lastPage]) {
      const end = await check(file, size, head);
      if (end === undefined) continue;
      return end.needs > size ? `${end.what} needs ${end.needs} bytes, the file has ${size}` : undefined;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** The length that a file must have by its container; undefined for another container, or where it does not say. */
type Check = (file: FileHandle, size: number, head: Buffer) => Promise<{ what: string; needs: number } | undefined>;

async function bytesAt(file: FileHandle, at: number, count: number): Promise<Buffer> {
  const buffer = Buffer.alloc(count);
  const { bytesRead } = await file.read(buffer, 0, count, Math.max(0, at));
  return buffer.subarray(0, bytesRead);
}

const FIRST_BOXES = new Set(['ftyp', 'moov', 'mdat', 'wide', 'skip', 'free', 'pnot', 'styp']);
const BOXES = new Set([...FIRST_BOXES, 'sidx', 'moof', 'uuid', 'mfra', 'meta', 'emsg', 'prft', 'udta', 'bloc', 'pdin']);

/** ISO base media and QuickTime: boxes one after the other, each with its length. */
const boxes: Check = async (file, size, head) => {
  if (!FIRST_BOXES.has(head.toString('latin1', 4, 8))) return undefined;
  let at = 0;
  // A fragment is two boxes and seconds of video: enough for days, and an end for a file that is made of empty boxes.
  for (let count = 0; at < size && count < 1_000_000; count++) {
    const box = await bytesAt(file, at, 16);
    if (box.length < 8) return { what: 'a box header', needs: at + 8 };
    const type = box.toString('latin1', 4, 8);
    if (!BOXES.has(type)) return { what: 'the file', needs: size }; // something behind the video that is no box
    let length = box.readUInt32BE(0);
    if (length === 0) return { what: 'the file', needs: size }; // up to the end, whatever that is
    if (length === 1) {
      if (box.length < 16) return { what: 'a box header', needs: at + 16 };
      length = Number(box.readBigUInt64BE(8));
    }
    if (length < 8) return { what: 'the file', needs: size };
    at += length;
    if (at > size) return { what: `the box ${type}`, needs: at };
  }
  return { what: 'the file', needs: size };
};

/** EBML: the header element, then the segment with its length. */
const segment: Check = async (_file, _size, head) => {
  if (head.length < 5 || head.readUInt32BE(0) !== 0x1a45dfa3) return undefined;
  const header = lengthAt(head, 4);
  const id = header === undefined ? -1 : header.next + header.value;
  if (id < 0 || head.length < id + 5 || head.readUInt32BE(id) !== 0x18538067) return undefined;
  const body = lengthAt(head, id + 4);
  return body && Number.isFinite(body.value) ? { what: 'the segment', needs: body.next + body.value } : undefined;
};

/** EBML's numbers of variable length; all ones means unknown. */
function lengthAt(bytes: Buffer, at: number): { value: number; next: number } | undefined {
  const width = Math.clz32(bytes[at]) - 23;
  if (!(width <= 8) || at + width > bytes.length) return undefined;
  let value = BigInt(bytes[at] & (0xff >> width));
  for (let index = 1; index < width; index++) value = (value << 8n) | BigInt(bytes[at + index]);
  const unknown = value === (1n << BigInt(7 * width)) - 1n;
  return { value: unknown ? Infinity : Number(value), next: at + width };
}

/**
 * RIFF and AIFF: one chunk with its length around everything; 0 and the largest numbers stand for "not known when it
 * was written".
 */
const chunks: Check = async (_file, _size, head) => {
  const kind = head.toString('latin1', 0, 4);
  if (kind !== 'RIFF' && kind !== 'FORM') return undefined;
  if (head.length < 8) return { what: 'the header', needs: 8 };
  const length = kind === 'RIFF' ? head.readUInt32LE(4) : head.readUInt32BE(4);
  return length > 0 && length < 0x7fffff00 ? { what: `the ${kind} chunk`, needs: length + 8 } : undefined;
};

/** FLV: after each tag stands its length, so at the end of a whole file stands that of the last. */
const lastTag: Check = async (file, size, head) => {
  if (head.toString('latin1', 0, 3) !== 'FLV') return undefined;
  const cut = { what: 'the last tag', needs: size + 1 };
  if (size < 28) return cut;
  const length = (await bytesAt(file, size - 4, 4)).readUInt32BE(0);
  if (length < 11 || length > size - 4) return cut;
  const tag = await bytesAt(file, size - 4 - length, 4);
  return tag.readUIntBE(1, 3) + 11 === length ? { what: 'the last tag', needs: size } : cut;
};

/** MPEG transport streams: packets of 188 bytes, or of 192 with a time before each. */
const packets: Check = async (_file, size, head) => {
  for (const [length, first] of [
    [188, 0],
    [192, 4],
  ]) {
    const starts = [0, 1, 2, 3, 4].map((index) => first + index * length).filter((at) => at < head.length);
    if (starts.length < 2 || !starts.every((at) => head[at] === 0x47)) continue;
    return { what: 'the last packet', needs: Math.ceil(size / length) * length };
  }
  return undefined;
};

/** MPEG program streams: from the last pack header on, packet by packet. */
const lastPack: Check = async (file, size, head) => {
  if (head.length < 4 || head.readUInt32BE(0) !== 0x1ba) return undefined;
  const from = Math.max(0, size - 262_144);
  const tail = await bytesAt(file, from, 262_144);
  let at = tail.lastIndexOf(Buffer.from([0, 0, 1, 0xba]));
  if (at < 0) return undefined;
  while (at < tail.length) {
    const rest = tail.subarray(at);
    if (rest.length < 4) return { what: 'the last packet', needs: from + at + 4 };
    const code = rest.readUInt32BE(0);
    if (code === 0x1b9) return { what: 'the file', needs: size }; // the end code
    if (code < 0x1b9 || code > 0x1ff)
      return rest.every((byte) => byte === 0) ? { what: 'the file', needs: size } : undefined;
    const minimum = code === 0x1ba ? 14 : 6;
    if (rest.length < Math.min(minimum, 6)) return { what: 'the last packet', needs: from + at + minimum };
    // MPEG-1 packs have 12 bytes, MPEG-2 packs 14 and stuffing.
    const pack = rest[4] >> 6 === 1 ? 14 + ((rest[13] ?? 0) & 7) : 12;
    at += code === 0x1ba ? pack : 6 + rest.readUInt16BE(4);
  }
  return { what: 'the last packet', needs: from + at };
};

/** Ogg: the last page and its table of lengths. */
const lastPage: Check = async (file, size, head) => {
  if (head.toString('latin1', 0, 4) !== 'OggS') return undefined;
  const from = Math.max(0, size - 131_072);
  const tail = await bytesAt(file, from, 131_072);
  const at = tail.lastIndexOf('OggS', undefined, 'latin1');
  const page = tail.subarray(at);
  if (at < 0) return undefined;
  const segments = page[26] ?? 0;
  if (page.length < 27 + segments) return { what: 'the last page', needs: from + at + 27 + segments };
  const body = page.subarray(27, 27 + segments).reduce((sum, length) => sum + length, 0);
  return { what: 'the last page', needs: from + at + 27 + segments + body };
};
