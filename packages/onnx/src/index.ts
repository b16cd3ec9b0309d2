export { exportOnnx } from './export-onnx';
export type { ExportOnnxOptions, OnnxExpertInfo, OnnxFiles, OnnxPart } from './export-onnx';
export { loadOnnxRuntime } from './runtime/load-onnxruntime';
export type { OnnxRuntime, OrtSession, OrtTensor } from './runtime/load-onnxruntime';
export { OnnxExpert, createOnnxExpert, readOnnxExpert } from './runtime/onnx-expert';
export type { OnnxInput, OnnxInputs, OnnxRunOptions } from './runtime/onnx-expert';
