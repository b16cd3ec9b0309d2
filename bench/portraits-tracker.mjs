/**
 * How well the tracker of @lipsync/portraits fits recordings: reprojection error and jitter of the pose.
 *
 *     node bench/portraits-tracker.mjs VIDEO ...
 *
 * A video gives one row, its longest face: frames; error of the generic face and of the face bent to the person (root mean square over
 * nose, eyes and brows, % of the distance between the outer corners of the eyes); jitter of the rotation without and with smoothing (standard
 * deviation of white noise that has the same third differences, degrees, mean of x, y, z); time a frame for the fit alone.
 */
import { selectBackend } from '../packages/backends/dist/index.js';
import { collectTracks, createLandmarkDetector } from '../packages/face-crop/dist/index.js';
import { openMedia } from '../packages/media/dist/index.js';
import { trackPortrait } from '../packages/portraits/dist/index.js';

await selectBackend({ backend: 'wasm', threads: 1 });
const reader = await openMedia();
const detector = await createLandmarkDetector({ testTimeViews: 2 });
console.log('| video | frames | generic % | person % | jitter raw | smoothed | ms a frame |');
for (const video of process.argv.slice(2)) {
  const tracks = await collectTracks(reader.frames(video, { fps: 25 }), detector);
  const track = tracks.sort((a, b) => b.frameCount - a.frameCount)[0];
  const { width, height } = (await reader.probe(video)).video ?? { width: 640, height: 480 };
  const started = performance.now();
  const smooth = trackPortrait(track, { image: { width, height } });
  const spent = performance.now() - started;
  const raw = trackPortrait(track, { image: { width, height }, smoothLandmarks: false, poseSigma: 0 });
  const figures = [
    ...[100 * smooth.error.generic, 100 * smooth.error.person].map((value) => value.toFixed(2)),
    ...[jitter(raw), jitter(smooth)].map((value) => value.toFixed(3)),
    (spent / track.frameCount).toFixed(2),
  ];
  console.log(`| ${[video.split('/').pop(), track.frameCount, ...figures].join(' | ')} |`);
}
detector.dispose();

/** Third differences of white noise have 20 times its variance. */
function jitter({ poses, frameCount }) {
  let [sum, count] = [0, 0];
  for (let frame = 3; frame < frameCount; frame++) {
    for (let axis = 0; axis < 3; axis++) {
      const at = (back) => poses[6 * (frame - back) + axis];
      sum += (at(0) - 3 * at(1) + 3 * at(2) - at(3)) ** 2 / 20;
      count++;
    }
  }
  return Math.sqrt(sum / count);
}
