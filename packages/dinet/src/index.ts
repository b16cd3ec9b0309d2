export { assertDinetConfig, DINET, LITE_DINET, THESIS_DINET } from './config';
export type { DinetAudio, DinetConfig } from './config';
