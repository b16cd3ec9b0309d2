/**
 * Where the build puts face-api's files, for bundlers, which find them by these expressions; so each stands as it is.
 */
export const MODEL_FILES: Readonly<Record<string, URL>> = {
  'tiny_face_detector_model-weights_manifest.json': new URL(
    './models/tiny_face_detector_model-weights_manifest.json',
    import.meta.url,
  ),
  'tiny_face_detector_model.bin': new URL('./models/tiny_face_detector_model.bin', import.meta.url),
  'face_landmark_68_model-weights_manifest.json': new URL(
    './models/face_landmark_68_model-weights_manifest.json',
    import.meta.url,
  ),
  'face_landmark_68_model.bin': new URL('./models/face_landmark_68_model.bin', import.meta.url),
};
