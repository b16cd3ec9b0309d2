/** What the page runs to read and score files, for scripts/check-browser.mjs: the packages as a bundler gives them to a user. */
import { openMedia, openMediaInBrowser } from '@lipsync/media';
import { scoreVideo } from '@lipsync/score';
import { readMedia } from './read-media.mjs';

const fileAt = async (url) => new File([await (await fetch(url)).blob()], url.split('/').at(-1));

window.media = {
  /** Whether the browser decodes both codecs. */
  async decodes([video, audio]) {
    const picture = await VideoDecoder.isConfigSupported({ codec: video, codedWidth: 320, codedHeight: 240 });
    const description = audio === 'vorbis' ? { description: new Uint8Array(64) } : {};
    const sound = { codec: audio, sampleRate: 48000, numberOfChannels: 2, ...description };
    return picture.supported && (await AudioDecoder.isConfigSupported(sound)).supported;
  },
  read: async (url) => readMedia(await openMedia(), await fileAt(url)),
  score: async (url, options) => scoreVideo(await fileAt(url), options),
  refusal: async (url) =>
    readMedia(await openMedia(), await fileAt(url)).then(
      () => 'none',
      ({ message, fault }) => `${fault}: ${message}`,
    ),
  /** The same description from every kind of input. */
  async inputs(url) {
    const reader = await openMediaInBrowser();
    const address = new URL(url, location.href);
    const blob = await fileAt(url);
    const bytes = await blob.arrayBuffer();
    const infos = [];
    for (const input of [url, address, blob, bytes, new Uint8Array(bytes), blob.stream()]) {
      const { path: _, ...info } = await reader.probe(input);
      infos.push(JSON.stringify(info));
    }
    return infos;
  },
  /** What an iteration throws after an abort, and how many frames it gave. */
  async abort(url) {
    const controller = new AbortController();
    const reader = await openMediaInBrowser({ signal: controller.signal });
    let count = 0;
    try {
      for await (const _ of reader.frames(await fileAt(url))) {
        count++;
        if (count === 3) controller.abort(new Error('enough'));
      }
      return { count, message: 'none' };
    } catch (error) {
      return { count, message: error.message };
    }
  },
};
