import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';

/** Names of Node for the machine numbers of ELF, PE and Mach-O. */
const ELF_MACHINES: Record<number, string> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' };
const PE_MACHINES: Record<number, string> = { 332: 'ia32', 34404: 'x64', 43620: 'arm64' };
const MACH_MACHINES: Record<number, string> = { 16777223: 'x64', 16777228: 'arm64' };

/** What a program's first bytes say; `size` is what the file must at least have, where they say that. */
type Header = { platform: string; arch: string; size?: number };

/**
 * Why a file cannot be run as a program here, from its mode and its first bytes: the system's own words for a wrong
 * architecture or half a file are "Syntax error" or "Bus error". Undefined where nothing is wrong with it.
 */
export async function programFault(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return 'it is not a file';
    const { size } = stats;
    if (size === 0) return 'the file is empty';
    const first = Buffer.alloc(4096);
    const { bytesRead } = await file.read(first, 0, first.length, 0);
    const header = readHeader(first.subarray(0, bytesRead));
    if (header?.size !== undefined && size < header.size)
      return `the file is incomplete: ${size} of at least ${header.size} bytes`;
    if (header && (header.platform !== process.platform || header.arch !== process.arch))
      return `it is a program for ${header.platform} ${header.arch}, and this is ${process.platform} ${process.arch}`;
  } finally {
    await file.close();
  }
  const mayRun = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return mayRun ? undefined : 'the file is not marked as executable';
}

/** Undefined for a script or an unknown kind of program. */
function readHeader(first: Buffer): Header | undefined {
  if (first.length < 64) return undefined;
  if (first.readUInt32BE(0) === 0x7f454c46) {
    // FreeBSD and Linux write the same header; its section table ends the file, where it has one.
    const platform = ['linux', 'freebsd'].includes(process.platform) ? process.platform : 'linux';
    const is64 = first[4] === 2;
    const [at, entry, count] = is64
      ? [Number(first.readBigUInt64LE(40)), first.readUInt16LE(58), first.readUInt16LE(60)]
      : [first.readUInt32LE(32), first.readUInt16LE(46), first.readUInt16LE(48)];
    return { platform, arch: ELF_MACHINES[first.readUInt16LE(18)] ?? 'another processor', size: at + entry * count };
  }
  if (first.readUInt32LE(0) === 0xfeedfacf)
    return { platform: 'darwin', arch: MACH_MACHINES[first.readUInt32LE(4)] ?? 'another processor' };
  if (first.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const pe = first.readUInt32LE(60);
  if (pe + 6 > first.length || first.toString('latin1', pe, pe + 2) !== 'PE') return undefined;
  return { platform: 'win32', arch: PE_MACHINES[first.readUInt16LE(pe + 4)] ?? 'another processor' };
}
