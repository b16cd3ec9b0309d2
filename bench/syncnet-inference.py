"""One window of the four sync networks in PyTorch, one thread: the other side of syncnet-inference.mjs.

    /usr/bin/python3 bench/syncnet-inference.py <batch> <rounds>

Prints the median seconds a window as JSON. The networks' classes are those of reference/syncnet-networks.py.
"""
import json
import sys
import time
from pathlib import Path

reference = Path(__file__).resolve().parent.parent / 'reference' / 'syncnet-networks.py'
batch, rounds = (int(value) for value in sys.argv[1:3])
scope = {'__file__': str(reference), '__name__': 'definitions'}
exec(compile(reference.read_text().split('def write_files')[0], str(reference), 'exec'), scope)
torch = scope['torch']
torch.set_num_threads(1)
result = {}
for name, make, size, audio_size in [
    ('syncnet', 'SyncNet', (224, 224), (13, 20)), ('wav2lip', 'Wav2Lip', (48, 96), (80, 16)), ('latentsync', 'LatentSync', (128, 256), (80, 16)),
    ('dinet', 'Dinet', (256, 256), (29, 9)),
]:
    net = scope[make]().eval()
    frames, mel = torch.rand(batch, *size, 15), torch.rand(batch, 1, *audio_size)
    seconds = []
    with torch.no_grad():
        for i in range(rounds + 1):
            started = time.perf_counter()
            net.map(frames, mel) if name == 'dinet' else (net.embed_visual(frames), net.embed_audio(mel))
            if i:
                seconds.append((time.perf_counter() - started) / batch)
    result[name] = sorted(seconds)[len(seconds) // 2]
print(json.dumps(result))
