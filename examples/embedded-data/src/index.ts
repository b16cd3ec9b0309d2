export { articulation, mouthOpening } from './articulation';
export { landmarks } from './face-geometry';
export { FacePainter } from './face-painter';
export { headMotion } from './head-motion';
export { person } from './person';
