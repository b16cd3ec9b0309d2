"""A tiny CTC model with the inputs, outputs and files of wav2vec2, its numbers random, for createCtcFeatures of @lipsync/audio-mel:

    /usr/bin/python3 reference/audio-mel-ctc.py

writes packages/audio-mel/fixtures/tiny-ctc/ (a model folder as transformers.js reads it) and tiny-ctc.json: the logits that PyTorch gives of a made
audio. Without the onnx package it leaves them as they are and says so.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

try:
    from onnx import TensorProto, helper, numpy_helper, save
except ImportError:
    print('audio-mel-ctc.py: left as it is, there is no onnx package (Debian: python3-onnx)')
    sys.exit(0)

FIXTURES = Path(__file__).resolve().parent.parent / 'packages' / 'audio-mel' / 'fixtures'
KERNELS, STRIDES = [10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]  # wav2vec2: 400 samples a row, 320 from one to the next
WIDTH = 4
LABELS = ['<pad>', '<s>', '</s>', '<unk>'] + list("|ETAONIHSRDLUMWCFGYPBVK'XJQZ")
SAMPLES = 20000  # 31.25 frames


def main():
    random = np.random.RandomState(6)
    draw = lambda *shape: (random.randn(*shape) * 1.5 / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    convs = [(draw(WIDTH, 1 if i == 0 else WIDTH, k), draw(WIDTH, 1).reshape(-1) * 0.1) for i, k in enumerate(KERNELS)]
    head = draw(WIDTH, len(LABELS))

    nodes = [helper.make_node('Unsqueeze', ['input_values', 'axis'], ['x0'])]
    tensors = [numpy_helper.from_array(np.array([1], dtype=np.int64), 'axis'), numpy_helper.from_array(head, 'head')]
    for i, (weight, bias) in enumerate(convs):
        tensors += [numpy_helper.from_array(weight, f'w{i}'), numpy_helper.from_array(bias, f'b{i}')]
        nodes += [
            helper.make_node('Conv', [f'x{i}', f'w{i}', f'b{i}'], [f'c{i}'], strides=[STRIDES[i]], kernel_shape=[KERNELS[i]]),
            helper.make_node('Tanh', [f'c{i}'], [f'x{i + 1}']),
        ]
    nodes += [
        helper.make_node('Transpose', [f'x{len(convs)}'], ['rows'], perm=[0, 2, 1]),
        helper.make_node('MatMul', ['rows', 'head'], ['logits']),
    ]
    graph = helper.make_graph(
        nodes,
        'tiny ctc',
        [helper.make_tensor_value_info('input_values', TensorProto.FLOAT, ['batch', 'samples'])],
        [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['batch', 'rows', len(LABELS)])],
        tensors,
    )
    model = helper.make_model(graph, producer_name='lipsync', opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    folder = FIXTURES / 'tiny-ctc'
    (folder / 'onnx').mkdir(parents=True, exist_ok=True)
    save(model, str(folder / 'onnx' / 'model.onnx'))

    vocabulary = {label: i for i, label in enumerate(LABELS)}
    special = [
        {'id': i, 'content': LABELS[i], 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True} for i in range(4)
    ]
    files = {
        'config.json': {'model_type': 'wav2vec2', 'architectures': ['Wav2Vec2ForCTC'], 'vocab_size': len(LABELS), 'pad_token_id': 0},
        'preprocessor_config.json': {
            'feature_extractor_type': 'Wav2Vec2FeatureExtractor', 'do_normalize': True, 'feature_size': 1, 'sampling_rate': 16000,
        },
        'tokenizer_config.json': {'tokenizer_class': 'Wav2Vec2CTCTokenizer', 'pad_token': '<pad>', 'unk_token': '<unk>', 'word_delimiter_token': '|'},
        'tokenizer.json': {
            'version': '1.0', 'added_tokens': special, 'normalizer': None, 'pre_tokenizer': {'type': 'Split', 'pattern': {'Regex': ''}, 'behavior': 'Isolated', 'invert': False},
            'post_processor': None, 'decoder': {'type': 'CTC', 'pad_token': '<pad>', 'word_delimiter_token': '|', 'cleanup': True},
            'model': {'type': 'WordLevel', 'vocab': vocabulary, 'unk_token': '<unk>'},
        },
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1) + '\n')

    # Powers of two and whole numbers: the same float32 in every language.
    audio = ((np.arange(SAMPLES) * 37 % 1001 - 400) * ((np.arange(SAMPLES) // 2000) % 3 + 1) / 4096).astype(np.float32)
    whole = audio.astype(np.float64)
    x = torch.tensor((whole - whole.mean()) / np.sqrt(whole.var() + 1e-7))
    frame_count = -(-SAMPLES // 640)
    x = torch.nn.functional.pad(x, (0, frame_count * 640 + 80 - SAMPLES))[None, None]
    for (weight, bias), stride in zip(convs, STRIDES):
        x = torch.tanh(torch.nn.functional.conv1d(x, torch.tensor(weight).double(), torch.tensor(bias).double(), stride=stride))
    rows = (x[0].T @ torch.tensor(head).double()).numpy()
    assert rows.shape == (2 * frame_count, len(LABELS))
    order = [LABELS.index({' ': '|'}.get(label, label.upper())) for label in " abcdefghijklmnopqrstuvwxyz'"] + [0]
    mean = rows.reshape(frame_count, 2, -1).mean(axis=1)[:, order]
    out = {'program': f'PyTorch {torch.__version__}', 'samples': SAMPLES, 'steps': frame_count, 'logits': [float(f'{v:.7g}') for v in mean.reshape(-1)]}
    (FIXTURES / 'tiny-ctc.json').write_text(json.dumps(out) + '\n')


main()
