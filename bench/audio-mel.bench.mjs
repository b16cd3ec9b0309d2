// Time of melSpectrogram against torchaudio (MelSpectrogram, pre-emphasis, dB, normalisation), one thread each.
//
//   pnpm --filter @lipsync/audio-mel build && node bench/audio-mel.bench.mjs [python, default /usr/bin/python3]
//
// The two take turns, so that a loaded machine slows both; medians and minima over all turns are printed.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { melSpectrogram, resample } from '../packages/audio-mel/dist/index.js';

const PYTHON = `
import sys, time, torch, torchaudio
torch.set_num_threads(1)
transform = torchaudio.transforms.MelSpectrogram(sample_rate=16000, n_fft=800, win_length=800, hop_length=200, f_min=55.0,
    f_max=7600.0, n_mels=80, power=1.0, normalized=False, center=True, pad_mode="reflect", onesided=True, norm="slaney",
    mel_scale="slaney")

def mel(x):
    y = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    level = 20 * torch.log10(torch.clamp(transform(y), min=1e-5)) - 20
    return torch.clamp(8 * (level + 100) / 100 - 4, -4, 4)

print(torch.__version__, torchaudio.__version__, flush=True)
for line in sys.stdin:
    seconds, runs = map(int, line.split())
    x = 0.2 * (torch.rand(seconds * 16000) - 0.5)
    times = []
    with torch.inference_mode():
        for _ in range(runs):
            start = time.perf_counter()
            mel(x)
            times.append(1000 * (time.perf_counter() - start))
    print(*times, flush=True)
`;

const python = spawn(process.argv[2] ?? '/usr/bin/python3', ['-c', PYTHON], {
  stdio: ['pipe', 'pipe', 'inherit'],
  env: { ...process.env, OMP_NUM_THREADS: '1' },
});
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
const answer = async () => (await lines.next()).value;

async function theirs(seconds, runs) {
  python.stdin.write(`${seconds} ${runs}\n`);
  return (await answer()).split(' ').map(Number);
}

function ours(seconds, runs) {
  const samples = Float32Array.from({ length: seconds * 16000 }, () => 0.2 * (Math.random() - 0.5));
  return Array.from({ length: runs }, () => {
    const start = performance.now();
    melSpectrogram({ samples, sampleRate: 16000 });
    return performance.now() - start;
  });
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const show = (ms) => `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;

console.log(`Node ${process.version}, torch and torchaudio ${await answer()}, one thread each`);
for (const { seconds, turns, runs } of [
  { seconds: 10, turns: 12, runs: 20 },
  { seconds: 600, turns: 5, runs: 1 },
]) {
  // Once without counting, to warm up.
  await theirs(seconds, 1);
  ours(seconds, 1);
  const [torch, js] = [[], []];
  for (let turn = 0; turn < turns; turn++) {
    torch.push(...(await theirs(seconds, runs)));
    js.push(...ours(seconds, runs));
  }
  for (const [name, of] of [
    ['median', median],
    ['minimum', (values) => Math.min(...values)],
  ]) {
    const ratio = (of(js) / of(torch)).toFixed(2);
    console.log(`${seconds} s of audio, ${name}: ours ${show(of(js))}, torchaudio ${show(of(torch))}, ratio ${ratio}`);
  }
}
python.stdin.end();

const minute = { samples: new Float32Array(48000 * 60).fill(0.1), sampleRate: 48000 };
resample({ ...minute, samples: minute.samples.subarray(0, 48000) }, 16000);
const start = performance.now();
resample(minute, 16000);
console.log(`resample, 60 s from 48000 to 16000 Hz: ${show(performance.now() - start)}`);
