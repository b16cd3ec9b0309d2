export { joinWaveform } from './read/join-waveform';
export type { BrowserReader, MediaInput, OpenMediaInBrowserOptions } from './webcodecs/browser-reader';
export { openMediaInBrowser, openMediaInBrowser as openMedia } from './webcodecs/open-media';
