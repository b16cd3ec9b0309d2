export { runLipsync } from './terminal/run-lipsync';
