"""Writes packages/audio-mel/fixtures/wav.json: WAV files of every kind, small, with what SciPy reads in them.

Run from the repository root: python3 reference/audio-mel-wav.py
"""
import base64
import io
import json
import os
import struct

import numpy as np
import scipy
import scipy.io.wavfile

GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(body)) + body + (b"\0" if pad and len(body) % 2 else b"")


def riff(*chunks: bytes, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", len(body)) + body


def fmt(tag: int, channels: int, rate: int, bits: int, extra: bytes = b"") -> bytes:
    frame = channels * ((bits + 7) // 8)
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + extra)


def extensible(tag: int, channels: int, rate: int, bits: int, valid: int) -> bytes:
    return fmt(0xFFFE, channels, rate, bits, struct.pack("<HHIH", 22, valid, 3, tag) + GUID_TAIL)


def pack24(values: np.ndarray) -> bytes:
    return b"".join(struct.pack("<i", int(v))[:3] for v in values.reshape(-1))


def by_scipy(rate: int, values: np.ndarray) -> bytes:
    file = io.BytesIO()
    scipy.io.wavfile.write(file, rate, values)
    return file.getvalue()


def read(data: bytes) -> tuple:
    """SciPy's samples, scaled to -1..1 and float32, [channels][frames]. It puts 24 bits at the top of an int32."""
    rate, values = scipy.io.wavfile.read(io.BytesIO(data))
    if values.dtype == np.uint8:
        scaled = (values.astype(np.float64) - 128) / 128
    elif values.dtype.kind == "i":
        scaled = values.astype(np.float64) / 2.0 ** (8 * values.dtype.itemsize - 1)
    else:
        scaled = values.astype(np.float64)
    return rate, scaled.reshape(len(values), -1).T.astype(np.float32)


def main() -> None:
    random = np.random.RandomState(3)
    frames = 7

    def whole(bits: int, channels: int) -> np.ndarray:
        values = random.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (frames, channels))
        values[0, 0], values[1, 0] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        return values

    stereo16 = whole(16, 2)
    body16 = stereo16.astype("<i2").tobytes()
    files = {
        "8 bits mono": by_scipy(8000, (whole(8, 1) + 128).astype(np.uint8)[:, 0]),
        "16 bits mono": by_scipy(16000, whole(16, 1).astype(np.int16)[:, 0]),
        "16 bits stereo": by_scipy(44100, stereo16.astype(np.int16)),
        "24 bits stereo": riff(fmt(1, 2, 48000, 24), chunk(b"data", pack24(whole(24, 2)))),
        "24 bits mono of odd length": riff(fmt(1, 1, 48000, 24), chunk(b"data", pack24(whole(24, 1)))),
        "32 bits with 5 channels": by_scipy(96000, whole(32, 5).astype(np.int32)),
        "float 32 mono": by_scipy(16000, random.randn(frames).astype(np.float32)),
        "float 64 stereo": by_scipy(22050, random.randn(frames, 2)),
        "extensible 16 bits with 6 channels": riff(
            extensible(1, 6, 48000, 16, 16), chunk(b"data", whole(16, 6).astype("<i2").tobytes())
        ),
        "extensible 24 bits": riff(extensible(1, 2, 48000, 24, 24), chunk(b"data", pack24(whole(24, 2)))),
        "extensible float 32": riff(
            extensible(3, 2, 48000, 32, 32), chunk(b"data", random.randn(frames, 2).astype("<f4").tobytes())
        ),
        "odd chunks before and behind": riff(
            chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavf\0"), chunk(b"junk", b"123"), fmt(1, 2, 44100, 16),
            chunk(b"data", body16), chunk(b"id3 ", b"tag"),
        ),
    }
    cases = []
    for name, data in files.items():
        rate, channels = read(data)
        cases.append({
            "name": name, "file": base64.b64encode(data).decode(), "sampleRate": rate,
            "channels": [[float(v) for v in channel] for channel in channels],
        })
    fixture = {
        "program": "scipy.io.wavfile read, and write where it can; struct elsewhere",
        "versions": {"scipy": scipy.__version__, "numpy": np.__version__},
        "command": "python3 reference/audio-mel-wav.py",
        "cases": cases,
    }
    path = os.path.join(os.path.dirname(__file__), "..", "packages", "audio-mel", "fixtures", "wav.json")
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")
    print("bytes:", os.path.getsize(path))


if __name__ == "__main__":
    main()
