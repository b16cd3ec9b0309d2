import { fail, nodeModule } from '@lipsync/contracts';

/** Bytes that are read by range: of a file, a Blob, a server that serves ranges, or in memory. */
export interface ByteSource {
  /** Path, or URL without its query, for messages. */
  readonly name: string;
  /** Total number of bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes from `offset` on, or throws. A new array, or a view that must not be changed. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Where bytes may come from: a path (Node) or an `http(s)` URL as a string, a URL, a Blob or File, bytes, or your own
 * `ByteSource`. In browsers write a relative URL as `new URL(path, location.href)`.
 */
export type ByteInput = string | URL | Blob | Uint8Array | ByteSource;

/**
 * Opens bytes for reading by range; only the requested ranges are held in memory.
 *
 * @returns the source, which the caller closes. A `ByteSource` is returned as it is. Bytes are not copied.
 * @throws Error for a server that does not serve ranges; the file system's error for a file that cannot be opened.
 * @example
 * const source = await openByteSource('syncnet_v2.model');
 * const head = await source.read(0, 8);
 */
export async function openByteSource(input: ByteInput): Promise<ByteSource> {
  if (input instanceof Uint8Array) return memorySource(input);
  if (typeof Blob !== 'undefined' && input instanceof Blob) return blobSource(input);
  if (input instanceof URL) return input.protocol === 'file:' ? fileSource(input) : urlSource(input);
  if (typeof input === 'string') return /^https?:\/\//i.test(input) ? urlSource(new URL(input)) : fileSource(input);
  if (typeof (input as ByteSource)?.read === 'function') return input as ByteSource;
  return fail(TypeError, 'openByteSource', 'input', 'a path, a URL, a Blob, bytes or a ByteSource', typeof input);
}

function assertRange(source: { name: string; size: number }, offset: number, length: number): void {
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size;
  if (!inside)
    fail(
      RangeError,
      'ByteSource.read',
      source.name,
      `${source.size} bytes long`,
      `a range of ${length} bytes from ${offset}`,
    );
}

function memorySource(bytes: Uint8Array): ByteSource {
  const source = { name: 'bytes', size: bytes.length };
  return {
    ...source,
    async read(offset, length) {
      assertRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close() {},
  };
}

function blobSource(blob: Blob): ByteSource {
  const source = { name: (blob as File).name ?? 'blob', size: blob.size };
  return {
    ...source,
    async read(offset, length) {
      assertRange(source, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
    async close() {},
  };
}

async function fileSource(path: string | URL): Promise<ByteSource> {
  const { open } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
  const file = await open(path, 'r');
  const stat = await file.stat();
  const source = { name: String(path), size: stat.size };
  if (!stat.isFile()) {
    await file.close();
    fail(TypeError, 'openByteSource', 'input', 'a file', `${source.name}, which is not`);
  }
  let isOpen = true;
  return {
    ...source,
    async read(offset, length) {
      assertRange(source, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        // at most 1 GiB at once: some systems refuse 2
        const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
        if (bytesRead === 0)
          fail(Error, 'ByteSource.read', source.name, `${source.size} bytes long, as it was`, offset + done);
        done += bytesRead;
      }
      return bytes;
    },
    async close() {
      if (isOpen) await file.close();
      isOpen = false;
    },
  };
}

async function urlSource(url: URL): Promise<ByteSource> {
  const name = `${url.origin}${url.pathname}`; // without the query, which may hold a secret
  const get = async (offset: number, length: number): Promise<{ bytes: Uint8Array; size: number }> => {
    const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
    const response = await fetch(url, { headers }).catch((error: Error) =>
      fail(Error, 'openByteSource', name, 'an address that can be reached', reasonOf(error)),
    );
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    if (response.status !== 206 || !range) {
      await response.body?.cancel();
      const rule =
        'served by ranges (status 206, and in browsers a Content-Range that may be read); if its server cannot, download the file first';
      return fail(
        Error,
        'openByteSource',
        name,
        rule,
        response.ok ? `${response.status} without a range` : `${response.status} ${response.statusText}`,
      );
    }
    const bytes = await bodyOf(response, length);
    if (Number(range[1]) !== offset || bytes.length !== length) {
      fail(Error, 'ByteSource.read', name, `${length} bytes from ${offset}`, `${bytes.length} from ${range[1]}`);
    }
    return { bytes, size: Number(range[2]) };
  };
  const { size } = await get(0, 1);
  const source = { name, size };
  return {
    ...source,
    async read(offset, length) {
      assertRange(source, offset, length);
      if (length === 0) return new Uint8Array(0);
      const got = await get(offset, length);
      if (got.size !== size) fail(Error, 'ByteSource.read', name, `${size} bytes long, as it was`, got.size);
      return got.bytes;
    },
    async close() {},
  };
}

/** Why there was no answer: Node says `fetch failed` and keeps the reason as the cause. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** The body of a response; a server that sends more than `length` bytes is refused. */
async function bodyOf(response: Response, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let done = 0;
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return bytes.subarray(0, done);
    if (done + value.length > length) {
      await reader.cancel();
      return fail(Error, 'ByteSource.read', 'the answer of the server', `${length} bytes long`, 'more');
    }
    bytes.set(value, done);
    done += value.length;
  }
}
