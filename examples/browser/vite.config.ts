import { defineConfig, type Plugin } from 'vite';

/** Networks that this page does not use, though the packages name them. */
const UNUSED = /facemesh|tiny_face_detector|\.onnx$/;

/** A service worker that keeps all files of the page, so that it works without a network once it was opened. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    generateBundle(_, bundle) {
      const files = Object.keys(bundle).filter((name) => !UNUSED.test(name));
      const version = files
        .join()
        .split('')
        .reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
      const source = `const CACHE = 'lip-sync-${version}';
const FILES = ${JSON.stringify(['./', ...files.map((name) => `./${name}`), './capture-worklet.js'])};
self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});
self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});
self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET') return;
  event.respondWith(caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)));
});
`;
      this.emitFile({ type: 'asset', fileName: 'service-worker.js', source });
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [offline()],
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 1500 },
});
