export { mouthOpenings, spreadReferences } from './dub-references';
export { DUB_FPS, dubVideo } from './dub-video';
export type { DubOptions, DubProgress, DubReport } from './dub-video';
