import type { ByteSource } from '@lipsync/checkpoints';
import { assertSyncRecipe, fail, readCalibration } from '@lipsync/contracts';
import type { OnnxExpertInfo, OnnxPart } from '../export-onnx';
import { partOfMetadata } from './earlier-names';
import { protobufFields } from './protobuf';

const METADATA_PROPS = 14; // of ModelProto, entries with key 1 and value 2
const LARGEST_ENTRY = 2 ** 20;

/**
 * The metadata of an ONNX file, read without its weights.
 *
 * @throws Error for a file that is no ONNX model.
 */
export async function readOnnxMetadata(source: ByteSource): Promise<Record<string, string>> {
  const text = new TextDecoder();
  const found: Record<string, string> = {};
  for await (const { field, wire, offset, length } of protobufFields(source)) {
    if (field !== METADATA_PROPS || wire !== 'bytes') continue;
    if (length > LARGEST_ENTRY)
      fail(
        Error,
        'readOnnxMetadata',
        source.name,
        `an ONNX model with metadata of at most ${LARGEST_ENTRY} bytes`,
        length,
      );
    const entry: Record<number, string> = {};
    for await (const part of protobufFields(source, offset, length)) {
      entry[part.field] = text.decode(await source.read(part.offset, part.length));
    }
    found[entry[1]] = entry[2] ?? '';
  }
  return found;
}

/**
 * An expert's description from a file's metadata, checked.
 *
 * @throws Error or RangeError, by `where` and `file`, for metadata that `exportOnnx` does not write.
 */
export function expertOfMetadata(
  where: string,
  file: string,
  metadata: Record<string, string>,
): OnnxExpertInfo & { part: OnnxPart } {
  const { name, space, recipe, weightsHash, embeddingSize, audioEmbeddingSize } = metadata;
  if (name === undefined || recipe === undefined || space === undefined || metadata.part === undefined) {
    fail(
      Error,
      where,
      file,
      'an expert’s ONNX file, as exportOnnx writes them',
      `one with the metadata ${Object.keys(metadata).join(', ') || 'none'}`,
    );
  }
  if (space !== 'unit' && space !== 'euclidean' && space !== 'joint')
    fail(Error, where, `${file}: space`, 'unit, euclidean or joint', space);
  const part = partOfMetadata(metadata.part);
  if (part !== 'visual' && part !== 'audio' && part !== 'pair')
    fail(Error, where, `${file}: part`, 'visual, audio or pair', part);
  const size = (key: string, text: string) => {
    const number = Number(text);
    return Number.isSafeInteger(number) && number > 0
      ? number
      : fail(RangeError, where, `${file}: ${key}`, 'a whole number above 0', text);
  };
  const calibration = readCalibration(where, metadata.calibration);
  let parsed: unknown;
  try {
    parsed = JSON.parse(recipe);
  } catch {
    fail(Error, where, `${file}: recipe`, 'JSON', recipe);
  }
  return {
    name,
    space,
    part,
    recipe: assertSyncRecipe(where, parsed),
    embeddingSize: size('embeddingSize', embeddingSize),
    ...(audioEmbeddingSize === undefined ? {} : { audioEmbeddingSize: size('audioEmbeddingSize', audioEmbeddingSize) }),
    ...(weightsHash === undefined ? {} : { weightsHash }),
    ...(calibration === undefined ? {} : { calibration }),
  };
}
