"""SyncNet's `evaluate()` from the video file on, by ffmpeg, OpenCV, SciPy and PyTorch, for scripts/check-protocol.mjs:

    python3 reference/syncnet-demo.py VIDEO OUT [--resize]

The steps of syncnet_python's SyncNetInstance.evaluate: ffmpeg writes JPEG files of its default quality and a 16-bit
WAV file, OpenCV reads the first (BGR, 0..255), python_speech_features' MFCC (in NumPy) the second; windows of 5 frames
and 20 steps, distances at 31 shifts, median, minimum, median filter. `--resize` stretches frames to 224 px as
Wav2Lip's copy does. The network has weights by formula. Writes OUT as JSON, see syncnet_evaluation.py.
"""
import json
import sys
from pathlib import Path

if len(sys.argv) < 3:
    print('syncnet-demo.py: made by scripts/check-protocol.mjs, no fixture')
    sys.exit()

sys.path.insert(0, str(Path(__file__).resolve().parent))
from syncnet_evaluation import evaluate_file, syncnet

score = evaluate_file(syncnet(), sys.argv[1], resize='--resize' in sys.argv)
Path(sys.argv[2]).write_text(json.dumps(score))
