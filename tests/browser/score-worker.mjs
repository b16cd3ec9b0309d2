/** A worker that scores a file, as an application would write it. */
import { scoreVideo } from '@lipsync/score';

self.onmessage = async ({ data: { file, options } }) => {
  try {
    self.postMessage({ score: await scoreVideo(file, { ...options, log: () => undefined }) });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
};
