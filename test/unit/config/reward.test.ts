import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withAbsolutePaths } from '../../../engine/config/absolute-paths.ts';
import { analyseText } from '../../../engine/config/analyse.ts';
import {
  heldOutMetrics,
  pythonReward,
  rewardModels,
  rewardText,
  rewardWeights,
} from '../../../engine/config/reward.ts';
import { configSchema } from '../../../engine/config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-reward-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'my_rewards.py'), 'def score(videos):\n    return [1.0 for _ in videos]\n');
mkdirSync(join(folder, 'pick'));

/** The config and the codes of what is wrong with it; on GPUs, where nothing else is said. */
function read(reward: string, policy = '{ model: wan-2.1 }') {
  const text = `policy: ${policy}\nprompts: [a cat, a dog, a bird, a fish]\nreward: ${reward}\n`;
  const file = join(folder, 'a.sage.yaml');
  const { config, diagnostics } = analyseText(text, { file, freeBytes: null });
  return { config: config!, codes: diagnostics.map((d) => d.code.replace('config/', '')) };
}

describe('the reward of a config', () => {
  it('is a model by name, or several, each with the usual weights of its components', () => {
    for (const [reward, weights] of [
      ['{}', { VQ: 0.5, MQ: 0.5, TA: 1 }],
      ['{ model: videoalign, weights: { VQ: 1 } }', { VQ: 1, MQ: 0.5, TA: 1 }],
      ['{ model: clipscore }', { clipscore: 1 }],
      ['{ model: [videoalign, pickscore], weights: { pickscore: 0.1 } }', { VQ: 0.5, MQ: 0.5, TA: 1, pickscore: 0.1 }],
    ] as const) {
      const { config, codes } = read(reward);
      expect(codes).toEqual([]);
      expect(rewardWeights(config)).toEqual(weights);
      // As a run keeps it and reads it again.
      expect(configSchema.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }
    expect(rewardModels(read('{ model: [videoalign, pickscore] }').config)).toEqual(['videoalign', 'pickscore']);
  });

  it('is a function of the own kind alone, or beside a model, with components of its own names', () => {
    const alone = read('{ python: "my_rewards.py:score" }');
    expect(alone.codes).toEqual([]);
    expect(rewardModels(alone.config)).toEqual([]);
    expect(rewardWeights(alone.config)).toEqual({ python: 1 });
    const beside = read('{ model: videoalign, python: "my_rewards.py:score", weights: { smooth: 2, loops: 0.5 } }');
    expect(beside.codes).toEqual([]);
    expect(rewardWeights(beside.config)).toEqual({ VQ: 0.5, MQ: 0.5, TA: 1, smooth: 2, loops: 0.5 });
    expect(rewardText(beside.config)).toBe('videoalign, my_rewards.py:score');
    expect(configSchema.parse(JSON.parse(JSON.stringify(beside.config)))).toEqual(beside.config);
    expect(pythonReward('C:/mine/my_rewards.py:score')).toEqual({ file: 'C:/mine/my_rewards.py', name: 'score' });
  });

  it('has no component of a name that is special or cannot stand in a path', () => {
    const names = ['__proto__', 'a.b', '', 'two words', '<b>'];
    for (const name of names)
      expect(read(`{ python: "my_rewards.py:score", weights: { ${JSON.stringify(name)}: 1 } }`).codes, name).toEqual([
        'unknown-component',
      ]);
    expect(read('{ weights: { "__proto__": 1 } }').codes).toEqual(['unknown-component']);
    expect(read('{ python: "my_rewards.py:score", weights: { constructor: 1 } }').codes).toEqual([]);
  });

  it('has metrics that are only watched, one by its name or several in a list', () => {
    expect(heldOutMetrics(read('{ held_out: clipscore }').config)).toEqual(['clipscore']);
    expect(heldOutMetrics(read('{ held_out: [clipscore, pickscore] }').config)).toEqual(['clipscore', 'pickscore']);
    expect(heldOutMetrics(read('{}').config)).toEqual([]);
    expect(read('{ held_out: [clipscore, clipscore] }').codes).toEqual(['no-effect']);
  });

  it('works for shapes under torch, and is refused under onnx', () => {
    const reward = '{ model: [shapes-judge, clipscore], held_out: pickscore }';
    expect(read(reward, '{ backend: torch }').codes.filter((code) => code !== 'shapes-prompt')).toEqual([]);
    const refused = read(reward, '{}').codes.filter((code) => code !== 'shapes-prompt');
    expect(refused).toEqual(['reward-backend', 'reward-backend']);
  });

  it('must be one that can be learnt from', () => {
    expect(read('{ model: clipscore, weights: { clipscore: 0 } }').codes).toEqual(['zero-reward']);
    expect(read('{ model: clipscore, weights: { VQ: 1 } }').codes).toEqual(['component-not-given']);
    expect(read('{ model: [clipscore, clipscore] }').codes).toEqual(['no-effect']);
    expect(read('{ model: [videoalign, clipscore], held_out: [clipscore] }').codes).toEqual(['held-out-reward']);
    expect(read('{ model: [shapes-judge, clipscore] }').codes).toEqual(['reward-mismatch']);
  });

  it('names files that are there', () => {
    expect(read('{ python: "my_reward.py:score" }').codes).toEqual(['missing-file']);
    const lost = '{ model: [videoalign, pickscore], checkpoints: { videoalign: me/theirs, pickscore: ./lost } }';
    expect(read(lost).codes).toEqual(['missing-file']);
    expect(read('{ model: clipscore, checkpoints: { clipscore: nowhere } }').codes).toEqual(['missing-file']);
  });

  it.each(['policy.weights', 'reward.checkpoints.videoalign'])(
    'has no misspelt folder for a repository in %s',
    (path) => {
      mkdirSync(join(folder, 'va', 'VideoReward'), { recursive: true });
      const said = (name: string) => {
        const [policy, checkpoints] = path.startsWith('policy')
          ? [`, weights: ${name}`, '']
          : ['', `videoalign: ${name}`];
        const text = `policy: { model: wan-2.1${policy} }\nprompts: [a cat, a dog, a bird, a fish]\nreward: { checkpoints: { ${checkpoints} } }\n`;
        return analyseText(text, { file: join(folder, 'a.sage.yaml'), freeBytes: null }).diagnostics;
      };
      const [typo, ...others] = said('va/VideoRewart');
      expect(others).toEqual([]);
      expect(typo).toMatchObject({
        severity: 'warning',
        code: 'config/missing-file',
        path,
        message:
          'There is no folder "va/VideoRewart" beside the config: it is taken for a repository of the Hugging Face hub.',
        remedy: 'Write "va/VideoReward", if the folder is meant that lies there.',
        fixes: [{ edits: [{ kind: 'set', path, value: 'va/VideoReward' }] }],
      });
      expect(said('va/nothing-like-it')).toMatchObject([
        { severity: 'warning', remedy: 'If a folder is meant, check the path.' },
      ]);
      expect(said('va/VideoReward')).toEqual([]);
      expect(said('KlingTeam/VideoReward')).toEqual([]);
      expect(said('~/VideoReward')).toEqual([]);
    },
  );

  it('is kept by a run with absolute paths; repositories stay as they are', () => {
    const checkpoints = '{ videoalign: me/theirs, clipscore: ./pick, pickscore: pick }';
    const { config } = read(
      `{ model: [videoalign, clipscore, pickscore], python: "my_rewards.py:score", checkpoints: ${checkpoints} }`,
      '{ model: wan-2.1, weights: Wan-AI/Wan2.1 }',
    );
    const { policy, reward } = withAbsolutePaths(config, folder);
    expect(policy.weights).toBe('Wan-AI/Wan2.1');
    expect(reward.python).toBe(`${join(folder, 'my_rewards.py')}:score`);
    const pick = join(folder, 'pick');
    expect(reward.checkpoints).toEqual({ videoalign: 'me/theirs', clipscore: pick, pickscore: pick });
  });

  it('of a base is found from the folder of the base', () => {
    mkdirSync(join(folder, 'inner'));
    writeFileSync(
      join(folder, 'base.sage.yaml'),
      'policy: { model: wan-2.1 }\nprompts: [a, b, c, d]\nreward: { python: "my_rewards.py:score", held_out: clipscore, checkpoints: { clipscore: ./pick } }\n',
    );
    const file = join(folder, 'inner', 'a.sage.yaml');
    const { config, diagnostics } = analyseText('extends: ../base.sage.yaml\n', { file, freeBytes: null });
    expect(diagnostics).toEqual([]);
    expect(config?.reward.python).toBe(`${join(folder, 'my_rewards.py')}:score`);
    expect(config?.reward.checkpoints.clipscore).toBe(join(folder, 'pick'));
  });
});
