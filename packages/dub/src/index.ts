export type { DubOptions, DubProgress, DubReport } from './dub-video';
export { DUB_FPS, dubVideo } from './dub-video';
export { spreadReferences } from './face/references';
