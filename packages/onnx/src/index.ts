export { exportOnnx } from './export-onnx';
export type { ExportOnnxOptions, OnnxExpertInfo, OnnxFiles, OnnxPart } from './export-onnx';
export { loadOnnxRuntime } from './load-onnxruntime';
export type { OnnxRuntime, OrtSession, OrtTensor } from './load-onnxruntime';
export { OnnxExpert, createOnnxExpert, readOnnxExpert } from './onnx-expert';
export type { OnnxInput, OnnxInputs, OnnxRunOptions } from './onnx-expert';
