import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../engine/config/load.ts';
import { loadPrompts } from '../../engine/config/prompts.ts';
import { SageError } from '../../engine/errors.ts';
import type { Reward, Score } from '../../engine/reward/reward.ts';
import { createShapesJudge } from '../../engine/reward/shapes-judge.ts';
import { createRun } from '../../engine/run/folder.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { createParts } from '../../engine/training/create.ts';
import { promptsFiles } from '../../engine/training/prompts.ts';
import { runSession } from '../../engine/training/session.ts';
import { eventsOf, recordOf, sage, temporaryFolder, tinyConfig } from './support.ts';

/** The judge of the Shapes world, whose scores go wrong from a call on (the first call is the evaluation's). */
function failing(wrong: (score: Score, item: number) => Score, fromCall = 1): Reward {
  const judge = createShapesJudge();
  let calls = 0;
  return {
    ...judge,
    async score(items) {
      const scores = await judge.score(items);
      calls += 1;
      return calls <= fromCall ? scores : scores.map(wrong);
    },
  };
}

const nan = (score: Score): Score =>
  score.scored ? { ...score, components: { ...score.components, MQ: Number.NaN } } : score;

/** Trains with the real policy and another reward, in this process. */
async function trainWith(reward: Reward) {
  const folder = temporaryFolder();
  const { config, text } = loadConfig(
    tinyConfig(folder, {
      rollout: { prompts_per_iteration: 2, generations: 4 },
      training: { iterations: 2, micro_batch: 8 },
      evaluation: { every: 0, videos_per_prompt: 1, max_videos: 2 },
      checkpoints: { every: 0 },
      videos: { every: 1, evaluation: 1 },
    }),
  );
  const runs = path.join(folder, 'runs');
  mkdirSync(runs);
  const all = loadPrompts(config, folder);
  const prompts = { training: all, evaluation: all };
  const provenance = await collectProvenance({ seed: 7, devices: ['cpu'], versions: {} });
  const { folder: runFolder } = await createRun(runs, 'tiny', text, config, provenance, {
    files: promptsFiles(prompts),
  });
  const parts = { ...(await createParts(config, folder)), reward };
  const notes: string[] = [];
  const hooks = { progress: () => {}, note: (line: string) => void notes.push(line), onInterrupt: () => {} };
  try {
    const outcome = await runSession({ runFolder, config, prompts, parts, hooks }).catch((error) => error);
    return { outcome: outcome as unknown, runFolder, notes };
  } finally {
    await parts.close();
  }
}

const notScored = 'shapes-judge gave NaN for MQ';

describe('NaN from the judge', () => {
  test('leaves the video out of its group, is counted and shown, and training goes on', async () => {
    const { outcome, runFolder, notes } = await trainWith(failing((score, i) => (i % 4 === 1 ? nan(score) : score)));
    expect(outcome).toBe('finished');
    const iterations = eventsOf(runFolder).filter(({ kind }) => kind === 'iteration');
    expect(iterations).toMatchObject([{ unscored: 2 }, { unscored: 2 }]);
    for (const { reward } of iterations) expect(reward).toMatchObject({ mean: expect.any(Number) as number });

    const [{ videos }] = eventsOf(runFolder).filter(({ kind }) => kind === 'rollouts') as unknown as [
      { videos: { generation: number; advantage: number | null }[] },
    ];
    expect(videos.filter(({ generation }) => generation === 1)).toMatchObject(
      [0, 1].map(() => ({ reward: null, components: null, advantage: null, reason: notScored })),
    );
    for (const prompt of [videos.slice(0, 4), videos.slice(4)]) {
      const advantages = prompt.filter(({ generation }) => generation !== 1).map(({ advantage }) => advantage!);
      expect(advantages.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 9);
    }

    const warning = (iteration: number) => `2 of 8 videos of iteration ${iteration} could not be scored: ${notScored}.`;
    expect(notes.filter((line) => line.startsWith('warning: '))).toEqual([
      expect.stringContaining(warning(1)),
      expect.stringContaining(warning(2)),
    ]);
    const { stdout } = await sage(['inspect', runFolder]);
    expect(stdout).toContain(warning(1));
  });

  test('for every video of an iteration ends the run as failed, with the reason', async () => {
    const { outcome, runFolder } = await trainWith(failing(nan));
    expect(outcome).toBeInstanceOf(SageError);
    expect(outcome).toMatchObject({
      code: 'train/unscored',
      message: `In iteration 1 no group kept two scored videos; the first failure was: ${notScored}.`,
      remedy: expect.stringContaining('resume the run from its last checkpoint') as string,
      exitCode: 1,
    });
    expect(recordOf(runFolder)).toMatchObject({ status: 'failed', message: (outcome as SageError).message });
    expect(eventsOf(runFolder).at(-1)).toMatchObject({ kind: 'run_finished', status: 'failed' });
    // With a judge that works again, the run goes on from where it was.
    expect(await sage(['resume', runFolder])).toMatchObject({ code: 0, stderr: '' });
    expect(recordOf(runFolder)).toMatchObject({ status: 'finished', message: null });
  });

  test('for every video of an evaluation ends the run too, rather than to report a reward of 0', async () => {
    const { outcome, runFolder } = await trainWith(failing(nan, 0));
    expect(outcome).toMatchObject({ code: 'evaluate/unscored', message: expect.stringContaining(notScored) as string });
    expect(eventsOf(runFolder).filter(({ kind }) => kind === 'evaluation')).toEqual([]);
    expect(recordOf(runFolder).status).toBe('failed');
  });
});
