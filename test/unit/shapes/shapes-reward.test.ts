import { expect, test } from 'vitest';
import { createShapesJudge } from '../../../engine/reward/shapes-judge.ts';
import { formatPrompt } from '../../../engine/shapes/grammar.ts';
import { judge } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { cases, fill } from './videos.ts';

const reward = createShapesJudge();

test('the reward gives the three components and the distance of every video, in order', async () => {
  const some = cases(6, 21);
  const items = some.map(({ words, scene }) => ({ prompt: formatPrompt(words), video: renderScene(scene) }));
  const scores = await reward.score(items);
  scores.forEach((score, i) => {
    const { vq, mq, ta, distance } = judge(items[i].video, some[i].words);
    expect(score).toEqual({ scored: true, components: { VQ: vq, MQ: mq, TA: ta }, distance });
  });
  expect(reward.components).toEqual(['VQ', 'MQ', 'TA']);
});

test('a video with NaN pixels and a prompt of another world are left unscored, with the reason; the others are scored', async () => {
  const [{ words, scene }] = cases(1, 22);
  const video = renderScene(scene);
  const prompt = formatPrompt(words);
  const scores = await reward.score([
    { prompt, video: fill((i) => (i === 7 ? NaN : 0.5)) },
    { prompt: '<script>🦊\n'.repeat(1000), video },
    { prompt, video: { ...video, width: 8 } },
    { prompt, video },
  ]);
  expect(scores[0]).toEqual({ scored: false, reason: 'pixel value 7 (frame 0) is NaN' });
  expect(scores[1]).toMatchObject({
    scored: false,
    reason: expect.stringContaining('is not a prompt of the Shapes world'),
  });
  expect(JSON.stringify(scores[1]).length).toBeLessThan(250);
  expect(scores[2]).toMatchObject({ scored: false });
  expect(scores[3]).toMatchObject({ scored: true });
});
