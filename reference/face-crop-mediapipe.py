"""Reference numbers for MediaPipe's BlazeFace and Face Mesh in @lipsync/face-crop.

Runs the graphs of the npm package @vladmandic/human 3.3.6 node by node in PyTorch, on made images (a drawn face and
coloured noise; no photograph), and writes packages/face-crop/fixtures/mediapipe.json. Of BlazeFace's outputs, whose
tail is the same for every cell, the cells of the best score and every 31st row are kept.

    python3 reference/face-crop-mediapipe.py   (from the repository root, after `pnpm install`)
"""
import base64
import importlib.util
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(ROOT, "packages/face-crop")
MODELS = os.path.join(ROOT, "packages/mediapipe-weights/node_modules/@vladmandic/human/models")
spec = importlib.util.spec_from_file_location("networks", f"{ROOT}/reference/face-crop-networks.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)


def read_graph(name):
    graph = json.load(open(f"{MODELS}/{name}.json"))
    data = open(f"{MODELS}/{name}.bin", "rb").read()
    weights, offset = {}, 0
    for entry in (entry for group in graph["weightsManifest"] for entry in group["weights"]):
        dtype = entry.get("quantization", entry)["dtype"]
        count = int(np.prod(entry["shape"]))
        stored = np.frombuffer(data, dtype, count, offset)
        offset += stored.nbytes
        values = stored if dtype == "int32" else stored.astype(np.float32)
        weights[entry["name"]] = values.reshape(entry["shape"])
    return graph["modelTopology"]["node"], weights


def run(nodes, weights, image, outputs):
    """One image [height, width, 3]; values are NCHW but for the outputs, which are reshaped from NHWC."""
    by_name, values = {node["name"]: node for node in nodes}, {}

    def attribute(node, name):
        found = node["attr"][name]
        return [int(i) for i in found["list"]["i"]][1:3] if "list" in found else base64.b64decode(found["s"]).decode()

    def same(x, node, kernel, value=0.0):
        if attribute(node, "padding") == "VALID":
            return x
        (stride, _), size = attribute(node, "strides"), x.shape[2]
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        return F.pad(x, (total // 2, total - total // 2) * 2, value=value)

    def prelu(x, name):
        alpha = torch.from_numpy(weights[name].copy()).reshape(1, -1, 1, 1)
        return torch.where(x >= 0, x, x * alpha)

    def value(name):
        if name not in values:
            values[name] = apply(by_name[name])
        return values[name]

    def apply(node):
        names = [name.split(":")[0] for name in node.get("input", [])]
        op = node["op"]
        if op == "Placeholder":
            return torch.from_numpy(image).permute(2, 0, 1)[None]
        x = value(names[0])
        if op == "Identity":
            return x
        if op == "Reshape":
            return x.permute(0, 2, 3, 1).reshape([int(i) for i in weights[names[1]]]) if x.dim() == 4 else x
        if op == "Pad":
            (_, _), (top, bottom), (left, right), (before, after) = weights[names[1]].tolist()
            return F.pad(x, (left, right, top, bottom, before, after))
        if op == "MaxPool":
            return F.max_pool2d(same(x, node, 2, -np.inf), attribute(node, "ksize"), attribute(node, "strides"))
        if op == "AddV2":
            return x + value(names[1])
        if op == "Relu":
            return F.relu(x)
        if op == "Prelu":
            return prelu(x, names[1])
        if op == "Sigmoid":
            return torch.sigmoid(x)
        filters = torch.from_numpy(weights[names[1]].copy())
        if op == "DepthwiseConv2dNative":
            filters = filters.permute(2, 3, 0, 1)
            x = same(x, node, filters.shape[2])
            return F.conv2d(x, filters, None, attribute(node, "strides"), groups=filters.shape[0])
        assert op == "_FusedConv2D", op
        filters, bias = filters.permute(3, 2, 0, 1), torch.from_numpy(weights[names[2]].copy())
        x = F.conv2d(same(x, node, filters.shape[2]), filters, bias, attribute(node, "strides"))
        fused = [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]][1:]
        return F.relu(x) if fused == ["Relu"] else prelu(x, names[3]) if fused == ["Prelu"] else x

    with torch.no_grad():
        return [value(name).numpy() for name in outputs]


def main():
    cases = []
    images = {
        "face 256": made.draw_face(256, 130, 120, 70),
        "noise 256": made.noise(256, 13),
        "face 192": made.draw_face(192, 96, 92, 58),
        "noise 192": made.noise(192, 17),
    }
    blazeface, facemesh = read_graph("blazeface"), read_graph("facemesh")
    for name, image in images.items():
        size = image.shape[0]
        case = {"image": name, "size": size, "checksum": made.checksum(image)}
        if size == 256:
            pixels = (image.astype(np.float32) / np.float32(127.5) - 1).astype(np.float32)
            outputs = ["Identity", "Identity_2", "Identity_1", "Identity_3"]
            scores, boxes, more, coarse = run(*blazeface, pixels, outputs)
            scores, boxes = np.concatenate([scores, more], 1)[0, :, 0], np.concatenate([boxes, coarse], 1)[0]
            rows = sorted({int(scores.argmax()), *range(0, 896, 31)})
            case |= {"network": "blazeface", "rows": rows, "scores": made.rounded(torch.from_numpy(scores)),
                     "boxes": made.rounded(torch.from_numpy(boxes[rows]))}
            print(name, "best score", 1 / (1 + np.exp(-scores.max())), "box", boxes[scores.argmax()][:4])
        else:
            mesh, presence = run(*facemesh, image.astype(np.float32) / np.float32(255), ["Identity_2", "Identity_1"])
            case |= {"network": "facemesh", "mesh": made.rounded(torch.from_numpy(mesh)),
                     "presence": float(presence.reshape(-1)[0])}
            print(name, "presence", case["presence"])
        cases.append(case)
    fixture = {
        "program": f"PyTorch {torch.__version__}, numpy {np.__version__}",
        "weights": "@vladmandic/human 3.3.6",
        "command": "python3 reference/face-crop-mediapipe.py",
        "cases": cases,
    }
    path = f"{PACKAGE}/fixtures/mediapipe.json"
    with open(path, "w") as file:
        json.dump(fixture, file)
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
