import { expect, test } from 'vitest';
import {
  audioFilter,
  fittedExpressions,
  fittedSize,
  frameFilter,
  passFrames,
  printFirstAudio,
  printFirstFrame,
  printPieces,
  regionFilter,
} from './filters';

const video = (width: number, height: number) => ({ codec: 'x', width, height, fps: 25, rotation: 0, startSec: 0 });

test('frameFilter moves each frame half-way to the one before, in microseconds and by at most 50 ms', () => {
  const middle = 'setpts=PTS-if(isnan(PREV_INPTS)\\,0*print(-1)\\,min((PTS-PREV_INPTS)/2\\,50000))';
  expect(frameFilter(25)).toBe(`settb=AVTB,${middle},fps=25:round=up:start_time=0`);
  expect(frameFilter(10, { size: { width: 4, height: 2 } })).toContain(
    ',fps=10:round=up:start_time=0,scale=4:2:flags=bicubic',
  );
});

test('regionFilter cuts before it converts, by shares of the size', () => {
  const filter = regionFilter(25, { left: 8, top: 6, width: 4, height: 2 }, { width: 64, height: 48 });
  expect(filter).toMatch(
    /,crop=round\(iw\*4\/64\):round\(ih\*2\/48\):round\(iw\*8\/64\):round\(ih\*6\/48\),scale=4:2:flags=bicubic$/,
  );
  expect(filter.startsWith(frameFilter(25))).toBe(true);
});

test('audioFilter puts sample 0 at the given time and asks for a downmix of unchanged level', () => {
  const filter = audioFilter(-33008, 16000, { layout: 'mono' });
  expect(filter).toContain('asetpts=PTS-(-33008)');
  expect(filter).toContain('aresample=16000:async=1:first_pts=0');
  expect(filter).toContain('rematrix_maxval=1');
  expect(filter).toContain('channel_layouts=mono');
  expect(audioFilter(0, 44100)).not.toContain('channel_layouts');
});

test('fittedSize keeps the aspect, never scales up and never ends at 0', () => {
  expect(fittedSize(video(1920, 1080), 640)).toEqual({ width: 640, height: 360 });
  expect(fittedSize(video(100, 50), 640)).toEqual({ width: 100, height: 50 });
  expect(fittedSize(video(1000, 1), 10)).toEqual({ width: 10, height: 1 });
  expect(fittedSize(video(101, 51))).toEqual({ width: 101, height: 51 });
});

test('fittedExpressions compute in ffmpeg what fittedSize computes', () => {
  expect(fittedExpressions()).toEqual({ width: 'iw', height: 'ih' });
  expect(fittedExpressions(640).height).toBe('max(1\\,round(ih*min(1\\,640/max(iw\\,ih))))');
});

test('a filter that prints its first time has one more branch and is itself unchanged', () => {
  expect(printFirstFrame('x,y')).toMatch(/^settb=AVTB,split\[s\]\[t\];\[t\].*,showinfo,nullsink;\[s\]x,y$/);
  expect(printFirstAudio('x,y')).toMatch(/^asettb=AVTB,asplit\[s\]\[t\];\[t\].*,ashowinfo,anullsink;\[s\]x,y$/);
});

test('audioFilter without places leaves out what begins from 0 or compares with the time so far', () => {
  expect(printPieces(audioFilter(500, 16000, { layout: 'mono', placed: false }))).toMatch(
    /,aresample=16000:rematrix_maxval=1,.*,ashowinfo@out$/,
  );
});

test.each([
  ['4.1', '-vsync'],
  ['N-47683-g0e8eb07980-static', '-vsync'],
  ['n5.0.1', '-vsync'],
  ['5.1.9-0+deb12u1', '-fps_mode'],
  ['7.0.2-static', '-fps_mode'],
  ['10.1', '-fps_mode'],
  ['2026-01-05-git-2892815c45-full_build', '-fps_mode'],
])('passFrames of ffmpeg %s writes %s', (version, option) => {
  expect(passFrames(version)).toEqual([option, 'passthrough']);
});
