import { describe, expect, test } from 'vitest';
import { addNoise, jitterOffsets } from '../../../engine/shapes/dataset.ts';
import { allWords } from '../../../engine/shapes/grammar.ts';
import { readEvidence } from '../../../engine/shapes/evidence.ts';
import { manifoldDistance, nearestScene } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { randomScene, sizeRange, speedRange, startRange } from '../../../engine/shapes/scene.ts';
import type { Scene } from '../../../engine/shapes/scene.ts';
import { refineScene } from '../../../engine/shapes/scene-fit.ts';
import type { Video } from '../../../engine/policy/policy.ts';
import type { Random } from '../../../engine/shapes/random.ts';
import { blankFrames, cases, fill } from './videos.ts';

test('the nearest scene of a clean video is the scene it shows', () => {
  for (const { scene } of cases(72, 3)) {
    const { scene: found, distance } = nearestScene(renderScene(scene));
    expect([found.color, found.shape, found.direction]).toEqual([scene.color, scene.shape, scene.direction]);
    for (const key of ['x', 'y', 'size', 'speed'] as const)
      expect(Math.abs(found[key] - scene[key])).toBeLessThan(0.003);
    expect(distance).toBeLessThan(0.003);
  }
});

test('the distance is the RMSE to the rendering of the nearest scene', () => {
  for (const { scene, random } of cases(12, 4)) {
    const video = renderScene(scene, { offsets: jitterOffsets(8, 1, random) });
    addNoise(video, 0.1, random);
    const { scene: found, distance } = nearestScene(video);
    const nearest = renderScene(found);
    let squares = 0;
    video.pixels.forEach((value, i) => (squares += (value - nearest.pixels[i]) ** 2));
    expect(distance).toBeCloseTo(Math.sqrt(squares / video.pixels.length), 4);
    expect(manifoldDistance(video)).toBe(distance);
  }
});

test('the nearest scene stays within the ranges of the world, even for noise', () => {
  for (const { random } of cases(20, 5)) {
    const { scene } = nearestScene(fill(() => random.uniform()));
    const range = startRange(scene.shape, scene.direction, scene.size, scene.speed);
    expect(scene.size).toBeGreaterThanOrEqual(sizeRange.low);
    expect(scene.size).toBeLessThanOrEqual(sizeRange.high);
    expect(scene.speed).toBeGreaterThanOrEqual(speedRange.low);
    expect(scene.speed).toBeLessThanOrEqual(speedRange.high);
    expect(scene.x).toBeGreaterThanOrEqual(range.left);
    expect(scene.x).toBeLessThanOrEqual(range.right);
    expect(scene.y).toBeGreaterThanOrEqual(range.top);
    expect(scene.y).toBeLessThanOrEqual(range.bottom);
  }
});

describe('the fit is at most 3 % worse than the best of 96 random restarts', () => {
  const kinds: Record<string, (scene: Scene, random: Random) => Video> = {
    clean: (scene) => renderScene(scene),
    'jitter of 1 px': (scene, random) => renderScene(scene, { offsets: jitterOffsets(8, 1, random) }),
    'jitter of 3 px': (scene, random) => renderScene(scene, { offsets: jitterOffsets(8, 3, random) }),
    'low contrast': (scene) => renderScene(scene, { contrast: 0.4 }),
    noise: (scene, random) => {
      const video = renderScene(scene);
      addNoise(video, 0.3, random);
      return video;
    },
    'half vanished': (scene) => blankFrames(renderScene(scene), [4, 5, 6, 7]),
    'pure noise': (_, random) => fill(() => random.uniform()),
  };
  test.each(Object.entries(kinds))('%s', (_, make) => {
    // The first twelve words hold every shape and direction.
    const starts = allWords().slice(0, 12);
    for (const { scene, random } of cases(6, 6)) {
      const video = make(scene, random);
      const evidence = readEvidence(video);
      const ours = manifoldDistance(video);
      for (let i = 0; i < 96; i++) {
        const rival = refineScene(evidence, randomScene(starts[i % 12], random)).distance;
        expect(ours).toBeLessThanOrEqual(1.03 * rival + 0.0005);
      }
    }
  });
});
