export type { ExportOnnxOptions, OnnxExpertInfo, OnnxFiles, OnnxPart } from './export-onnx';
export { exportOnnx } from './export-onnx';
export type { OnnxRuntime, OrtSession, OrtTensor } from './runtime/load-onnxruntime';
export { describeOnnxRuntime, loadOnnxRuntime } from './runtime/load-onnxruntime';
export { onnxCompiler } from './runtime/onnx-compiler';
export type { OnnxInputs } from './runtime/onnx-expert';
export { createOnnxExpert, OnnxExpert, readOnnxExpert } from './runtime/onnx-expert';
export type { OnnxInput, OnnxRunOptions } from './runtime/open-session';
export { runInOnnxRuntime } from './runtime/run-in-onnxruntime';
