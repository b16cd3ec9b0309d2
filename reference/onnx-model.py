"""A small ONNX model as the onnx package writes it: what packages/onnx must write, too.

    /usr/bin/python3 reference/onnx-model.py

writes packages/onnx/fixtures/model.json; without the package it leaves the file as it is and says so.
"""
import base64
import json
import sys
from pathlib import Path

import numpy as np

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    print('onnx-model.py: left as it is, there is no onnx package (Debian: python3-onnx)')
    sys.exit(0)


def model(half):
    w = (np.arange(1152, dtype=np.float32) / 256 - 2).reshape(128, 1, 3, 3)
    tensors = [
        numpy_helper.from_array(w.astype(np.float16), 'w.float16') if half else numpy_helper.from_array(w, 'w'),
        numpy_helper.from_array(-np.arange(128, dtype=np.float32), 'b'),
        numpy_helper.from_array(np.array([-1, 640], dtype=np.int64), 'sides'),
    ]
    nodes = [helper.make_node('Cast', ['w.float16'], ['w'], 'w', to=TensorProto.FLOAT)] if half else []
    nodes += [
        helper.make_node('Conv', ['x', 'w', 'b'], ['y'], 'y', pads=[0, 1, 0, 1], strides=[1, 2]),
        helper.make_node('LeakyRelu', ['y'], ['z'], 'z', alpha=0.25),
        helper.make_node('Reshape', ['z', 'sides'], ['out'], 'out', allowzero=0),
    ]
    inputs = [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['batch', 1, 3, 9])]
    outputs = [helper.make_tensor_value_info('out', TensorProto.FLOAT, ['batch', 640])]
    graph = helper.make_graph(nodes, 'a graph', inputs, outputs, tensors)
    made = helper.make_model(graph, producer_name='lipsync', opset_imports=[helper.make_opsetid('', 17)])
    made.ir_version = 8
    helper.set_model_props(made, {'recipe': '{"fps": 25}', 'name': 'ä'})
    onnx.checker.check_model(made, full_check=True)
    return base64.b64encode(made.SerializeToString()).decode()


path = Path(__file__).resolve().parent.parent / 'packages' / 'onnx' / 'fixtures' / 'model.json'
path.parent.mkdir(exist_ok=True)
made = f'onnx {onnx.__version__}, /usr/bin/python3 reference/onnx-model.py'
path.write_text(json.dumps({'made': made, 'model': model(False), 'half': model(True)}, indent=1) + '\n')
