import type { NamedArray } from '@lipsync/checkpoints';

/** Units before the blocks, and the last layer, by what ports call them (lower case). */
const UNITS: Record<string, string> = {
  conv3d_1a_7x7: 'Conv3d_1a_7x7',
  conv3d_2b_1x1: 'Conv3d_2b_1x1',
  conv3d_2c_3x3: 'Conv3d_2c_3x3',
  conv3d_0c_1x1: 'logits', // alone or in `logits`: the name in TensorFlow and the ports that keep it
  logits: 'logits',
};

/** Units of a block: the common port's, and `branch_1.0` and the like of the ports that keep TensorFlow's branches. */
const BRANCHES: Record<string, string> = {
  b0: 'b0',
  b1a: 'b1a',
  b1b: 'b1b',
  b2a: 'b2a',
  b2b: 'b2b',
  b3b: 'b3b',
  branch_0: 'b0',
  'branch_1.0': 'b1a',
  'branch_1.1': 'b1b',
  'branch_2.0': 'b2a',
  'branch_2.1': 'b2b',
  'branch_3.1': 'b3b',
  'branch_0.conv3d_0a_1x1': 'b0',
  'branch_1.conv3d_0a_1x1': 'b1a',
  'branch_1.conv3d_0b_3x3': 'b1b',
  'branch_2.conv3d_0a_1x1': 'b2a',
  'branch_2.conv3d_0b_3x3': 'b2b',
  'branch_2.conv3d_0a_3x3': 'b2b', // so misspelt in TensorFlow's Mixed_5b
  'branch_3.conv3d_0b_1x1': 'b3b',
};

const TENSOR_NAMES = /\.(weight|bias|running_mean|running_var|num_batches_tracked)$/;

/** A name of some port as the common port has it, or undefined. */
function commonName(name: string): string | undefined {
  const tensor = TENSOR_NAMES.exec(name)?.[1];
  if (tensor === undefined) return undefined;
  const path = name
    .slice(0, -tensor.length - 1)
    .toLowerCase()
    .split('.');
  const layer = path.pop() as string;
  const part = /^(conv3d|conv_3d|conv)$/.test(layer)
    ? 'conv3d'
    : /^(bn|batch3d|batch_norm|batchnorm|norm)$/.test(layer)
      ? 'bn'
      : undefined;
  if (part === undefined) return undefined;
  const mixed = path.findIndex((step) => /^mixed_[345][b-f]$/.test(step));
  if (mixed >= 0) {
    const branch = BRANCHES[path.slice(mixed + 1).join('.')];
    return branch && `M${path[mixed].slice(1)}.${branch}.${part}.${tensor}`;
  }
  const unit = UNITS[path.at(-1) ?? ''];
  return unit && `${unit}.${part}.${tensor}`;
}

/**
 * The weights of an I3D under the names of the common PyTorch port (`Mixed_3b.b1a.conv3d.weight`), from a state dict,
 * or from the attributes of a TorchScript archive, of one of these families, with any prefix (`module.`, `model.i3d.`):
 *
 * | blocks | units | normalisation |
 * | --- | --- | --- |
 * | `Mixed_3b.b1a` | `conv3d` | `bn` |
 * | `mixed_3b.branch_1.0` | `conv3d` | `batch3d` |
 * | `Mixed_3b.Branch_1.Conv3d_0a_1x1` | `conv3d`, `conv_3d`, `conv` | `bn`, `batch_norm`, `batchnorm`, `norm` |
 *
 * and the logits as `logits.conv3d`, `conv3d_0c_1x1.conv3d` or `Logits.Conv3d_0c_1x1.conv_3d`. TensorFlow's
 * normalisation has no scale: where none is in the file it is 1.
 *
 * The archive that FVD programs share (`i3d_torchscript.pt`) was not at hand: if its names are of another family, the
 * error lists them.
 *
 * @returns a new map of the same arrays.
 * @throws Error that lists the names that are of no known family, or come twice.
 * @example
 * const names = [...i3dState(state).keys()]; // ['Conv3d_1a_7x7.conv3d.weight', …]
 */
export function i3dState(state: ReadonlyMap<string, NamedArray>): Map<string, NamedArray> {
  const renamed = new Map<string, NamedArray>();
  const odd: string[] = [];
  for (const [name, array] of state) {
    const common = commonName(name);
    if (common === undefined || renamed.has(common)) odd.push(name);
    else renamed.set(common, array);
  }
  if (odd.length > 0) {
    const shown = odd.slice(0, 12).join(', ');
    const rest = odd.length > 12 ? ` and ${odd.length - 12} more` : '';
    const rule = 'of an I3D under the names of a known port';
    throw new Error(
      `i3dState: state must be ${rule}, got ${odd.length} of ${state.size} names of none, or twice: ${shown}${rest}`,
    );
  }
  for (const [name, { shape }] of [...renamed]) {
    if (!name.endsWith('.bn.running_var')) continue;
    const scale = name.replace(/running_var$/, 'weight');
    const data = new Float32Array(shape[0] ?? 1).fill(1);
    if (!renamed.has(scale)) renamed.set(scale, { dtype: 'float32', shape: [data.length], data });
  }
  return renamed;
}
