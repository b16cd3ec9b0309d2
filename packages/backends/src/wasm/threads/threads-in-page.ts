/** How the script begins that tfjs makes of its threaded module's factory and sends to its workers. */
const FACTORY = 'var WasmBackendModuleThreadedSimd = ';

/** Names that a minifier gives, and the one that emscripten gave. */
const SHORT_NAME = /(?<![\w$.])(?:[A-Za-z_$][\w$]{0,2}|_scriptDir[\w$]*)(?![\w$])/g;

const RESERVED = new Set(['do', 'if', 'in', 'for', 'let', 'new', 'try', 'var']);

/**
 * The script with every short name declared around the factory. The factory is the text of a function, and reads a
 * variable of the scope where it stood, the address of its script, which it takes to be undefined elsewhere: minifiers
 * rename it and drop that check, and the workers end with "e is not defined". What the function declares itself
 * hides what is declared around it.
 */
export function closedFactory(script: string): string {
  const names = new Set(script.slice(FACTORY.length).match(SHORT_NAME));
  const undeclared = [...names].filter((name) => !RESERVED.has(name) && !(name in globalThis));
  if (undeclared.length === 0) return script;
  return `${FACTORY}(function () { var ${undeclared.join(', ')}; return ${script.slice(FACTORY.length)}; })()`;
}

/** Runs `start`, which initialises the wasm backend with threads in a page or a worker, also where its code is minified. */
export async function startThreadsInPage(start: () => Promise<void>): Promise<void> {
  const { Blob: Original } = globalThis;
  globalThis.Blob = class extends Original {
    constructor(parts: BlobPart[] = [], options?: BlobPropertyBag) {
      const [script] = parts;
      const isFactory = parts.length === 1 && typeof script === 'string' && script.startsWith(FACTORY);
      super(isFactory ? [closedFactory(script)] : parts, options);
    }
  };
  try {
    await start();
  } finally {
    globalThis.Blob = Original;
  }
}
