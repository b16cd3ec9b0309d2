/** A page whose worker scores a file, and which counts how long its own frames take meanwhile. */
window.scoreInWorker = async (url, options) => {
  const file = new File([await (await fetch(url)).blob()], url.split('/').at(-1));
  const worker = new Worker('/worker/score-worker.js', { type: 'module' });
  const answer = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.score ? resolve(data.score) : reject(new Error(data.error)));
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  let [frames, longest, last, done] = [0, 0, performance.now(), false];
  const count = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    frames++;
    if (!done) requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  const started = performance.now();
  worker.postMessage({ file, options });
  try {
    const { faces, problems } = await answer;
    const seconds = (performance.now() - started) / 1000;
    return {
      faces: faces.map(({ sentence, offsetFrames, lseD }) => ({ sentence, offsetFrames, lseD })),
      problems,
      frames,
      longest,
      seconds,
    };
  } finally {
    done = true;
    worker.terminate();
  }
};
