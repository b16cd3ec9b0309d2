"""SyncNet's pipeline from the video file on, with face tracks that are given, by ffmpeg, OpenCV, SciPy and PyTorch, for
scripts/check-protocol.mjs:

    python3 reference/syncnet-pipeline.py VIDEO TRACKS OUT [--mp4]

The steps of syncnet_python's run_pipeline.py behind its detector, and of run_syncnet.py: the video transcoded to AVI at
25 frames a second, its frames as JPEG files of quality 2, its audio as a 16-bit WAV file; crops around median-filtered
boxes on gray 110, resized to 224 px, by OpenCV's VideoWriter as XVID; the audio of the track muxed to it; then
`evaluate()` of that file. `--mp4`: as LatentSync's eval/syncnet_detect.py, mp4 files, crops as mp4v with AAC.

TRACKS: JSON, a list of {"firstFrame": n, "boxes": [[left, top, right, bottom], ...]}, a box for each frame. Writes OUT
as JSON: for each track what syncnet_evaluation.py describes.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from scipy import signal

if len(sys.argv) < 4:
    print('syncnet-pipeline.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

sys.path.insert(0, str(Path(__file__).resolve().parent))
from syncnet_evaluation import evaluate_file, syncnet

RATE = 25
SCALE = 0.4
video, tracks, out = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]
ending, tag, audio_codec = ('mp4', 'mp4v', 'aac') if '--mp4' in sys.argv else ('avi', 'XVID', 'copy')
net = syncnet()


def ffmpeg(*arguments):
    subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', *arguments], check=True)


def crop_file(folder, images, track):
    """Writes the crops of a track with their audio."""
    boxes = np.array(track['boxes'])
    first, last = track['firstFrame'], track['firstFrame'] + len(boxes) - 1
    s = signal.medfilt(np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]) / 2, kernel_size=13)
    y = signal.medfilt((boxes[:, 1] + boxes[:, 3]) / 2, kernel_size=13)
    x = signal.medfilt((boxes[:, 0] + boxes[:, 2]) / 2, kernel_size=13)
    silent, path = os.path.join(folder, f'facet.{ending}'), os.path.join(folder, f'face.{ending}')
    writer = cv2.VideoWriter(silent, cv2.VideoWriter_fourcc(*tag), RATE, (224, 224))
    for i, half in enumerate(s):
        pad = int(half * (1 + 2 * SCALE))
        image = np.pad(cv2.imread(images[first + i]), ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
        my, mx = y[i] + pad, x[i] + pad
        face = image[int(my - half):int(my + half * (1 + 2 * SCALE)),
                     int(mx - half * (1 + SCALE)):int(mx + half * (1 + SCALE))]
        writer.write(cv2.resize(face, (224, 224)))
    writer.release()
    cut = os.path.join(folder, 'face.wav')
    ffmpeg('-i', os.path.join(folder, 'audio.wav'), '-ss', f'{first / RATE:.3f}', '-to', f'{(last + 1) / RATE:.3f}', cut)
    ffmpeg('-i', silent, '-i', cut, '-c:v', 'copy', '-c:a', audio_codec, path)
    return path


with tempfile.TemporaryDirectory() as folder:
    whole = os.path.join(folder, f'video.{ending}')
    ffmpeg('-i', video, '-qscale:v', '2', '-async', '1', '-r', str(RATE), whole)
    ffmpeg('-i', whole, '-qscale:v', '2', '-threads', '1', '-f', 'image2', os.path.join(folder, '%06d.jpg'))
    ffmpeg('-i', whole, '-ac', '1', '-vn', '-acodec', 'pcm_s16le', '-ar', '16000', os.path.join(folder, 'audio.wav'))
    images = sorted(glob.glob(os.path.join(folder, '*.jpg')))
    scores = [evaluate_file(net, crop_file(folder, images, track)) for track in tracks]
Path(out).write_text(json.dumps(scores))
