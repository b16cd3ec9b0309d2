export type { ApcConfig, ApcOptions } from './audio/apc';
export { APC, Apc, loadApc, saveApc } from './audio/apc';
export { SpeechFeatureStream, speechFeatures } from './audio/speech-features';
export type { CandidateOptions } from './candidates/choose-candidates';
export { chooseCandidates } from './candidates/choose-candidates';
export type { EdgeMapOptions } from './edge-map/draw-edge-map';
export { drawEdgeMap } from './edge-map/draw-edge-map';
export { FACE_LINES, FACE_PARTS, FACE_POINTS } from './edge-map/face-lines';
export type { FeatureManifoldOptions } from './manifold/feature-manifold';
export { FeatureManifold } from './manifold/feature-manifold';
export type { HeadPoseConfig, HeadPoseOptions } from './motion/head-pose-network';
export { HEAD_POSE, HeadPoseNetwork, loadHeadPoseNetwork, saveHeadPoseNetwork } from './motion/head-pose-network';
export type { HeadPoseStreamOptions } from './motion/head-pose-stream';
export { HeadPoseStream, sampleHeadPoses } from './motion/head-pose-stream';
export type { MouthConfig } from './motion/mouth-network';
export { loadMouthNetwork, MOUTH, MouthNetwork, saveMouthNetwork } from './motion/mouth-network';
export { MouthStream, mouthMotion } from './motion/mouth-stream';
export type { TrainingClip } from './motion/training-clip';
export { mouthDisplacements, trainingClip } from './motion/training-clip';
export type { PortraitTrainerOptions, PortraitTrainerState, Window } from './network/portrait-trainer';
export { drawWindows, PortraitTrainer } from './network/portrait-trainer';
export type { Camera, Matrix3, ProjectFacesOptions } from './post-processing/camera';
export { projectFaces, rotationMatrix } from './post-processing/camera';
export type { CloseLipsOptions } from './post-processing/close-lips';
export { closeLips } from './post-processing/close-lips';
export type { FacesFromMouthOptions } from './post-processing/faces-from-mouth';
export { facesFromMouth } from './post-processing/faces-from-mouth';
export type { FrameValues } from './post-processing/gaussian-filter';
export { gaussianFilter } from './post-processing/gaussian-filter';
export type { HeadMotionOptions } from './post-processing/head-motion';
export { headMotion } from './post-processing/head-motion';
export type { ProjectShouldersOptions } from './post-processing/shoulders';
export { projectShoulders } from './post-processing/shoulders';
export type { PortraitDiscriminatorOptions } from './renderer/discriminator';
export { PortraitDiscriminator } from './renderer/discriminator';
export type {
  DrawPortraitOptions,
  PortraitMotion,
  PortraitMotionOptions,
  PortraitPerson,
} from './renderer/portrait-frames';
export { drawPortrait, portraitMotion } from './renderer/portrait-frames';
export type { RendererConfig } from './renderer/renderer';
export {
  loadRenderer,
  PortraitRenderer,
  RENDERER,
  RENDERER_128,
  RENDERER_256,
  saveRenderer,
} from './renderer/renderer';
export type { RendererLossOptions, RendererPair, RendererTerm, RendererWeights } from './renderer/renderer-losses';
export { discriminatorLoss, RENDERER_WEIGHTS, rendererLosses } from './renderer/renderer-losses';
export type { RendererStepReport, RendererTrainerOptions } from './renderer/renderer-trainer';
export { RendererTrainer } from './renderer/renderer-trainer';
export type { DrawSketchOptions, SketchView } from './sketch/draw-sketch';
export { drawSketch, inView, sketchView } from './sketch/draw-sketch';
export type { KeyPoints } from './sketch/key-points';
export type { Corners, Triangle } from './sketch/normalise';
export { SKETCH_TRIANGLE } from './sketch/normalise';
export type { RetrieveSketchOptions, Sketch } from './sketch/retrieve-sketch';
export { retrieveSketch, sketchJitter } from './sketch/retrieve-sketch';
export type { SketchDatabase, SketchDatabaseOptions } from './sketch/sketch-database';
export { buildSketchDatabase } from './sketch/sketch-database';
export { mostStablePoint } from './sketch/stable-point';
export type { OpenFace3dOptions } from './tracker/openface-3d';
export { parseOpenFace3d } from './tracker/openface-3d';
export type { KeyPointTrack, OpenPoseOptions } from './tracker/openpose-face';
export { landmarksOfKeyPoints, parseOpenPoseFaces } from './tracker/openpose-face';
export { points73 } from './tracker/points-73';
export type { PortraitClip } from './tracker/portrait-file';
export { loadPortraitClip, savePortraitClip } from './tracker/portrait-file';
export type { PortraitTrack } from './tracker/portrait-track';
export type { TrackPortraitOptions } from './tracker/track-portrait';
export { trackPortrait, trackPortraits } from './tracker/track-portrait';
