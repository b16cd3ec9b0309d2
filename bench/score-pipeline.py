"""What joonson/syncnet_python does with a video (run_pipeline.py, then run_syncnet.py), written anew for bench/score.mjs, in PyTorch on the CPU.

    python3 bench/score-pipeline.py VIDEO [--threads 2] [--ffmpeg ffmpeg] [--frames N]

All weights are random, as only the time counts: S3FD (VGG-16, its extra layers and six heads) on every image at a quarter of its size, which is
run_pipeline's default; one face whose box is fixed, as a random detector finds none; crops of 224 pixels written as XVID and read again as JPEG;
SyncNet v2 in batches of 20; distances at 31 offsets. Left out: PySceneDetect's search for cuts, the tracker, and the start of a second Python.
--frames: stops after so many frames; the report then states it and gives seconds per frame; nothing is extrapolated here.

Prints JSON: seconds by the clock and of the processor, in all and by stage.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time

import cv2
import numpy as np
import scipy.fftpack
import scipy.io.wavfile
import scipy.signal
import torch
from torch import nn
from torch.nn import functional as F


class L2Norm(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), float(scale)))

    def forward(self, x):
        return x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) * self.weight[None, :, None, None]


class S3FD(nn.Module):
    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for width in (64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512, "M"):
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=width == "C"))
            else:
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = width
        layers += [nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(inplace=True), nn.Conv2d(1024, 1024, 1), nn.ReLU(inplace=True)]
        self.vgg = nn.ModuleList(layers)
        self.norms = nn.ModuleList([L2Norm(256, 10), L2Norm(512, 8), L2Norm(512, 5)])
        self.extras = nn.ModuleList([
            nn.Conv2d(1024, 256, 1), nn.Conv2d(256, 512, 3, stride=2, padding=1),
            nn.Conv2d(512, 128, 1), nn.Conv2d(128, 256, 3, stride=2, padding=1),
        ])
        sources = (256, 512, 512, 1024, 512, 256)
        self.loc = nn.ModuleList([nn.Conv2d(width, 4, 3, padding=1) for width in sources])
        self.conf = nn.ModuleList([nn.Conv2d(width, 4 if i == 0 else 2, 3, padding=1) for i, width in enumerate(sources)])

    def forward(self, x):
        sources = []
        for i, layer in enumerate(self.vgg):
            x = layer(x)
            if i in (15, 22, 29):  # relu3_3, relu4_3, relu5_3
                sources.append(self.norms[len(sources)](x))
        sources.append(x)
        for i, layer in enumerate(self.extras):
            x = F.relu(layer(x))
            if i % 2 == 1:
                sources.append(x)
        boxes, scores = [], []
        for i, source in enumerate(sources):
            conf = self.conf[i](source)
            if i == 0:
                conf = torch.cat([conf[:, :3].max(1, keepdim=True)[0], conf[:, 3:]], 1)
            height, width = source.shape[2:]
            stride, side = 4 * 2**i, 16 * 2**i
            rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
            centres = torch.stack([(columns + 0.5) * stride, (rows + 0.5) * stride], -1).reshape(-1, 2)
            loc = self.loc[i](source)[0].permute(1, 2, 0).reshape(-1, 4)
            middle = centres + 0.1 * loc[:, :2] * side
            size = side * torch.exp(0.2 * loc[:, 2:])
            boxes.append(torch.cat([middle - size / 2, middle + size / 2], 1))
            scores.append(F.softmax(conf[0].permute(1, 2, 0).reshape(-1, 2), 1)[:, 1])
        return torch.cat(boxes), torch.cat(scores)


def suppress(boxes, scores, overlap):
    order, kept = scores.argsort()[::-1], []
    while len(order) > 0:
        first, rest = order[0], order[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(0, high - low), 1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
        order = rest[shared / (areas[first] + areas[rest] - shared) <= overlap]
    return kept


def unit(inputs, outputs, kernel, stride=1, padding=0, conv=nn.Conv2d, norm=nn.BatchNorm2d):
    return [conv(inputs, outputs, kernel, stride=stride, padding=padding), norm(outputs), nn.ReLU(inplace=True)]


class SyncNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.audio = nn.Sequential(
            *unit(1, 64, 3, 1, 1), nn.MaxPool2d(1, 1), *unit(64, 192, 3, 1, 1), nn.MaxPool2d(3, (1, 2)), *unit(192, 384, 3, 1, 1),
            *unit(384, 256, 3, 1, 1), *unit(256, 256, 3, 1, 1), nn.MaxPool2d(3, 2), *unit(256, 512, (5, 4)),
        )
        lip = {"conv": nn.Conv3d, "norm": nn.BatchNorm3d}
        self.lip = nn.Sequential(
            *unit(3, 96, (5, 7, 7), (1, 2, 2), 0, **lip), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *unit(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1), **lip), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *unit(256, 256, (1, 3, 3), 1, (0, 1, 1), **lip), *unit(256, 256, (1, 3, 3), 1, (0, 1, 1), **lip),
            *unit(256, 256, (1, 3, 3), 1, (0, 1, 1), **lip), nn.MaxPool3d((1, 3, 3), (1, 2, 2)), *unit(256, 512, (1, 6, 6), **lip),
        )
        self.heads = nn.ModuleList([
            nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024)) for _ in range(2)
        ])

    def forward_lip(self, x):
        return self.heads[0](self.lip(x).flatten(1))

    def forward_audio(self, x):
        return self.heads[1](self.audio(x).flatten(1))


def mfcc(samples):
    """python_speech_features.mfcc with its defaults."""
    signal = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    count = 1 if len(signal) <= 400 else 1 + int(np.ceil((len(signal) - 400) / 160))
    signal = np.append(signal, np.zeros((count - 1) * 160 + 400 - len(signal)))
    frames = signal[np.arange(400)[None] + 160 * np.arange(count)[:, None]]
    power = np.abs(np.fft.rfft(frames, 512)) ** 2 / 512
    energy = np.where(power.sum(1) == 0, np.finfo(float).eps, power.sum(1))
    hertz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28) / 2595) - 1)
    edges = np.floor(513 * hertz / 16000).astype(int)
    bank = np.zeros((26, 257))
    for j in range(26):
        low, middle, high = edges[j:j + 3]
        bank[j, low:middle] = (np.arange(low, middle) - low) / (middle - low)
        bank[j, middle:high] = (high - np.arange(middle, high)) / (high - middle)
    features = power @ bank.T
    features = scipy.fftpack.dct(np.log(np.where(features == 0, np.finfo(float).eps, features)), type=2, axis=1, norm="ortho")[:, :13]
    features *= 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    features[:, 0] = np.log(energy)
    return features


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("video")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ffmpeg", default="ffmpeg")
    parser.add_argument("--frames", type=int)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    folder = tempfile.mkdtemp(prefix="score-pipeline-")
    path = lambda *parts: os.path.join(folder, *parts)
    stages = {}

    def processor():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    def stage(name, work):
        started, used = time.perf_counter(), processor()
        result = work()
        stages[name] = {"clock": time.perf_counter() - started, "processor": processor() - used}
        return result

    def ffmpeg(*words):
        subprocess.run([options.ffmpeg, "-y", "-v", "error", *words], check=True)

    def unpack(source, into):
        os.makedirs(path(into))
        limit = ["-frames:v", str(options.frames)] if options.frames and into == "frames" else []
        ffmpeg("-i", source, "-qscale:v", "2", "-threads", "1", *limit, "-f", "image2", path(into, "%06d.jpg"))
        ffmpeg("-i", source, "-ac", "1", "-vn", "-acodec", "pcm_s16le", "-ar", "16000", path(into + ".wav"))
        return sorted(os.listdir(path(into)))

    def decode():
        ffmpeg("-i", options.video, "-qscale:v", "2", "-async", "1", "-r", "25", path("video.avi"))
        return unpack(path("video.avi"), "frames")

    def detect(names):
        network, found = S3FD().eval(), 0
        mean = np.array([123, 117, 104], np.float32)
        for name in names:
            image = cv2.cvtColor(cv2.imread(path("frames", name)), cv2.COLOR_BGR2RGB)
            small = cv2.resize(image, (0, 0), fx=0.25, fy=0.25, interpolation=cv2.INTER_LINEAR).astype(np.float32) - mean
            with torch.no_grad():
                boxes, scores = network(torch.from_numpy(small.transpose(2, 0, 1)[None]))
            boxes, scores = boxes.numpy(), scores.numpy()
            sure = scores > 0.9
            found += len(suppress(boxes[sure], scores[sure], 0.1))
        return found

    def crop(names):
        height, width = cv2.imread(path("frames", names[0])).shape[:2]
        half = 0.25 * min(height, width)
        x, y = width / 2, height / 2
        writer = cv2.VideoWriter(path("crop-silent.avi"), cv2.VideoWriter_fourcc(*"XVID"), 25, (224, 224))
        border = int(1.8 * half)
        for name in names:
            image = cv2.imread(path("frames", name))
            padded = np.pad(image, ((border, border), (border, border), (0, 0)), "constant", constant_values=110)
            top, left = int(y + border - half), int(x + border - 1.4 * half)
            face = padded[top:int(y + border + 1.8 * half), left:int(x + border + 1.4 * half)]
            writer.write(cv2.resize(face, (224, 224)))
        writer.release()
        ffmpeg("-i", path("frames.wav"), "-ss", "0", "-to", f"{len(names) / 25:.3f}", path("crop.wav"))
        ffmpeg("-i", path("crop-silent.avi"), "-i", path("crop.wav"), "-c:v", "copy", "-c:a", "copy", path("crop.avi"))

    def sync():
        network = SyncNet().eval()
        names = unpack(path("crop.avi"), "faces")
        frames = np.stack([cv2.imread(path("faces", name)) for name in names], 3)  # height, width, colour, time
        frames = torch.from_numpy(np.transpose(frames[None], (0, 3, 4, 1, 2)).astype(np.float32))
        _, samples = scipy.io.wavfile.read(path("faces.wav"))
        features = torch.from_numpy(mfcc(samples.astype(float)).T[None, None].astype(np.float32))
        last = min(len(names), len(samples) // 640) - 5
        seen, heard = [], []
        with torch.no_grad():
            for start in range(0, last, 20):
                rows = range(start, min(last, start + 20))
                seen.append(network.forward_lip(torch.cat([frames[:, :, i:i + 5] for i in rows])))
                heard.append(network.forward_audio(torch.cat([features[:, :, :, 4 * i:4 * i + 20] for i in rows])))
        seen, heard = torch.cat(seen), F.pad(torch.cat(heard), (0, 0, 15, 15))
        distances = torch.stack([F.pairwise_distance(seen[[i]].repeat(31, 1), heard[i:i + 31]) for i in range(last)], 1)
        mean = distances.mean(1)
        lowest, place = mean.min(0)
        scipy.signal.medfilt((mean.median() - distances[place]).numpy(), 9)
        return {"windows": last, "offset": int(15 - place), "lseD": float(lowest), "lseC": float(mean.median() - lowest)}

    try:
        started = time.perf_counter()
        names = stage("decode to JPEG", decode)
        found = stage("S3FD on every image", lambda: detect(names))
        stage("crops of 224 pixels", lambda: crop(names))
        result = stage("SyncNet and distances", sync)
        print(json.dumps({
            "torch": torch.__version__, "threads": options.threads, "frameCount": len(names), "whole": options.frames is None,
            "clock": time.perf_counter() - started, "processor": processor(), "stages": stages, "faces": found, **result,
            "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }))
    finally:
        shutil.rmtree(folder)


main()
