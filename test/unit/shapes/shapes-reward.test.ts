import { expect, test } from 'vitest';
import { loadedVideo, type Video } from '../../../engine/policy/policy.ts';
import { createShapesJudge } from '../../../engine/reward/shapes-judge.ts';
import { formatPrompt } from '../../../engine/shapes/grammar.ts';
import { judge } from '../../../engine/shapes/judge.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { cases, fill } from './videos.ts';

const reward = createShapesJudge();

test('the reward gives the three components and the distance of every video, in order', async () => {
  const some = cases(6, 21);
  const videos = some.map(({ scene }) => renderScene(scene));
  const items = some.map(({ words }, i) => ({ prompt: formatPrompt(words), video: loadedVideo(videos[i]) }));
  const scores = await reward.score(items);
  scores.forEach((score, i) => {
    const { vq, mq, ta, distance } = judge(videos[i], some[i].words);
    expect(score).toEqual({ scored: true, components: { VQ: vq, MQ: mq, TA: ta }, distance });
  });
  expect(reward.components).toEqual(['VQ', 'MQ', 'TA']);
});

test('a video with NaN pixels and a prompt of another world are left unscored, with the reason; the others are scored', async () => {
  const [{ words, scene }] = cases(1, 22);
  const video = renderScene(scene);
  const item = (shown: Video, of = prompt) => ({ prompt: of, video: loadedVideo(shown) });
  const prompt = formatPrompt(words);
  const scores = await reward.score([
    item(fill((i) => (i === 7 ? NaN : 0.5))),
    item(video, '<script>🦊\n'.repeat(1000)),
    item({ ...video, width: 8 }),
    item(video),
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
