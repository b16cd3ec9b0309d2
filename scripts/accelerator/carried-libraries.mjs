/** The shared libraries that a native module needs and that a machine without oneDNN lacks. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Part of every glibc system, and of what Node itself needs. */
const SYSTEM = /^(linux-vdso|ld-linux[\w-]*|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s))\.so/;

/** The lines of `ldd`: the libraries that are not the system's, by the name under which they are loaded. */
export function librariesOfLinux(printed) {
  const found = new Map();
  for (const line of printed.split('\n')) {
    const [, name, path] = /^\s*(\S+) => (\S.*?)(?: \(0x[0-9a-f]+\))?$/.exec(line) ?? [];
    if (!name || SYSTEM.test(basename(name))) continue;
    if (path === 'not found')
      throw new Error(`librariesOfLinux: ${name} must be on this machine, got "${line.trim()}"`);
    found.set(name, path);
  }
  return found;
}

/** The lines of `otool -L`: the libraries that are not the system's, by the path that is written into the module. */
export function librariesOfMac(printed) {
  const found = new Map();
  for (const line of printed.split('\n').slice(1)) {
    const [, path] = /^\s+(\S+) \(compatibility/.exec(line) ?? [];
    if (path && !/^(\/usr\/lib|\/System|@rpath\/libc\+\+)/.test(path)) found.set(path, path);
  }
  return found;
}

/** @returns name under which it is loaded, and path, of each library that `file` needs beside the system's. */
export function carriedLibraries(file) {
  const mac = process.platform === 'darwin';
  const printed = execFileSync(mac ? 'otool' : 'ldd', mac ? ['-L', file] : [file], { encoding: 'utf8' });
  return mac ? librariesOfMac(printed) : librariesOfLinux(printed);
}

/**
 * The licence of a library: a file of `folder` that begins with its name (`libdnnl.txt` for `libdnnl.so.2`), or the copyright file of the Debian package
 * that it came with.
 */
export function licenceOf(library, folder) {
  const [stem] = basename(library).split('.');
  const given = folder && readdirSync(folder).find((name) => name.startsWith(`${stem}.`));
  if (given) return readFileSync(join(folder, given), 'utf8');
  for (const path of [library, realpathSync(library), `/usr${realpathSync(library)}`]) {
    let owner;
    try {
      owner = execFileSync('dpkg', ['-S', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      continue; // no Debian, or installed otherwise
    }
    const copyright = `/usr/share/doc/${owner.split(':')[0]}/copyright`;
    if (existsSync(copyright)) return readFileSync(copyright, 'utf8');
  }
  throw new Error(
    `licenceOf: --licences must hold ${stem}.txt, the licence of ${join(dirname(library), basename(library))}`,
  );
}
