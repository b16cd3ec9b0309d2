export type { ExportOnnxOptions, OnnxExpertInfo, OnnxFiles, OnnxPart } from './export-onnx';
export { exportOnnx } from './export-onnx';
export type { OnnxRuntime, OrtSession, OrtTensor } from './runtime/load-onnxruntime';
export { loadOnnxRuntime } from './runtime/load-onnxruntime';
export type { OnnxInput, OnnxInputs, OnnxRunOptions } from './runtime/onnx-expert';
export { createOnnxExpert, OnnxExpert, readOnnxExpert } from './runtime/onnx-expert';
