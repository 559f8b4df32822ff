import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadPrompts } from '../../../engine/config/prompts.ts';
import { groupAdvantages } from '../../../engine/method/advantages.ts';
import { createKlController, stepKlController } from '../../../engine/method/trust-region.ts';
import { drawBatch } from '../../../engine/training/batch.ts';
import { klOptions } from '../../../engine/training/settings.ts';
import { facts, factsOf } from '../../../src/language/server/facts/facts.ts';
import { sourceKeyAt } from '../../../src/language/server/features/hover/about.ts';
import { keyAt } from '../../../engine/config/walk.ts';
import { asked } from '../../support/language.ts';

/** What is said of a key in a config. */
const said = (text: string, path: string) => factsOf(asked(text).config, path).sentences.join(' ');

const configOf = (text: string) => asked(text).config.analysis.config!;

/** All numbers of a text. */
const numbers = (text: string) =>
  [...text.matchAll(/\d[\d,]*(\.\d+)?(e-?\d+)?/g)].map(([n]) => Number(n.replaceAll(',', '')));

it('every fact is of a key that there is, and needs keys that there are', () => {
  for (const [path, { needs }] of Object.entries(facts)) {
    expect(keyAt(path) ?? sourceKeyAt(path), path).not.toBeNull();
    for (const need of needs) expect(keyAt(need), need).not.toBeNull();
  }
});

describe('exploration', () => {
  it('tells the first step of the exact integral', () => {
    // σ₁ of 10 steps at shift 3 is 2.7 / 2.8.
    const sigma1 = 2.7 / 2.8;
    const variance = 0.5 ** 2 * (-(1 - sigma1) + Math.log((1 - sigma1) / (1 - 0.997)));
    const std = Math.sqrt(variance).toFixed(3);
    expect(said('exploration: {eta: 0.5}\n', 'exploration.eta')).toContain(
      `σ after the first step 0.964; injected std ${std}; excess over the exact integral 1.00×.`,
    );
  });

  it("tells the excess of another kernel's first explored step", () => {
    const text = 'exploration: {kernel: dance_grpo, eta: 0.8, window: {first: 3, last: 5}}\n';
    const sigma = (u: number) => (3 * u) / (1 + 2 * u);
    const [from, to] = [sigma(0.7), sigma(0.6)];
    const exact = -(from - to) + Math.log((1 - to) / (1 - from));
    const excess = ((from - to) / exact).toFixed(2);
    const std = (0.8 * Math.sqrt(from - to)).toFixed(3);
    expect(said(text, 'exploration.kernel')).toContain(
      `σ after step 3 ${to.toFixed(3)}; injected std ${std}; excess over the exact integral ${excess}×.`,
    );
  });

  it('tells which steps are explored', () => {
    expect(said('exploration: {window: {first: 2, last: 4}}\n', 'exploration.window')).toBe(
      '3 of 10 steps are explored and trained (steps 2–4, σ from 0.923 to 0.75); the other 7 follow the ODE.',
    );
    expect(said('exploration: {last_step: noise}\n', 'exploration.last_step')).toContain('10 of 10 steps');
  });

  it('tells the most steps that the kernel is valid for, also beyond them', () => {
    const most = 'the kernel is valid for at most 67 steps';
    expect(said('sampling: {steps: 10, shift: 5}\n', 'sampling.steps')).toContain(most);
    expect(said('sampling: {steps: 80, shift: 5}\n', 'sampling.steps')).toContain(most);
    expect(said('sampling: {steps: 80, shift: 5}\nexploration: {kernel: cps}\n', 'sampling.steps')).not.toContain(
      'most',
    );
  });

  it('compares the kernels at this η, and says which cannot be used', () => {
    const { table } = factsOf(asked('exploration: {kernel: flow_grpo, eta: 1.5}\n').config, 'exploration.kernel');
    // At σ = 1 flow_grpo's variance is η².
    expect(table).toMatch(/^\| \*\*flow_grpo\*\* \| 1\.500 \|/m);
    expect(table).toContain('| cps | not valid at this η |');
  });
});

describe('rollouts and rewards', () => {
  it('the largest advantage is that of one video among equals', () => {
    for (const generations of [3, 8, 40]) {
      const lone = [1, ...Array.from({ length: generations - 1 }, () => 0)];
      const largest = Number(groupAdvantages([lone], 1000).advantages[0][0]!.toPrecision(3));
      const text = `rollout: {generations: ${generations}}\nreward: {advantage_clip: 5}\n`;
      const words = said(text, 'reward.advantage_clip');
      expect(words).toContain(`= ${largest}`);
      expect(words).toContain(largest > 5 ? 'those beyond 5 are clamped' : 'nothing is ever clamped');
    }
  });

  it('the largest reward is the sum of the weights, where components have a maximum', () => {
    const weights = 'reward: {weights: {VQ: 0.25, MQ: 0, TA: 1.5}}\n';
    expect(said(weights, 'reward.weights.VQ')).toBe(
      'VQ is 14 % of the weight. The largest reachable reward is 0.25 VQ + 1.5 TA = 1.75, since every component lies in [0, 1].',
    );
    expect(said(`policy: {model: wan-2.1}\nprompts: [a]\n${weights}`, 'reward.weights')).toBe('');
  });

  it('every prompt is drawn once in as many iterations as are told', () => {
    for (const each of [1, 5, 8]) {
      const text = `prompts: all\nrollout: {prompts_per_iteration: ${each}, generations: 2}\ntraining: {iterations: 200}\n`;
      const config = configOf(text);
      const prompts = loadPrompts(config, '');
      const drawn = new Set<number>();
      let iterations = 0;
      while (drawn.size < prompts.length)
        drawBatch(config, prompts, ++iterations).promptIndices.forEach((index) => drawn.add(index));
      expect(numbers(said(text, 'prompts'))).toEqual([
        72,
        each,
        iterations,
        Number(((200 * each) / 72).toPrecision(3)),
      ]);
    }
  });
});

describe('learning', () => {
  it('the learning rate is told at the start, in the middle and at the end', () => {
    const text = 'training: {iterations: 10, learning_rate: 1e-3, learning_rate_schedule: linear}\n';
    expect(said(text, 'training.learning_rate')).toBe(
      '0.001 at iteration 1, 6e-4 at iteration 5, 1e-4 at iteration 10.',
    );
    expect(said('training: {learning_rate: 3e-5}\n', 'training.learning_rate_schedule')).toBe(
      '3e-5 in every iteration.',
    );
  });

  it('updates are rollouts by micro-batch by trained steps by accumulation', () => {
    const text =
      'rollout: {prompts_per_iteration: 8, generations: 8}\ntraining: {iterations: 80, micro_batch: 32, accumulation: 2, steps_per_sample: 4}\n';
    expect(said(text, 'training')).toBe(
      '64 rollouts / 32 = 2 micro-batches; × 4 trained steps = 8 replays; / 2 = 4 updates an iteration, 320 in the run. ' +
        'An update averages 64 samples, each at one step: micro_batch 32 × accumulation 2.',
    );
    expect(said(text.replace('micro_batch: 32', 'micro_batch: 7'), 'training')).toBe('');
  });

  it('the weights of the equalizer are the median gradient norm over that of a step', () => {
    const sigma = (k: number) => (3 * (1 - k / 10)) / (1 + 2 * (1 - k / 10));
    const norms = Array.from({ length: 9 }, (_, k) => {
      const [from, to] = [sigma(k), sigma(k + 1)];
      const variance = 0.25 * (-(from - to) + Math.log((1 - to) / (1 - Math.min(from, 0.997))));
      return (from - to + (variance * (1 - from)) / (2 * from)) / Math.sqrt(variance);
    });
    const [low, middle, high] = [Math.min(...norms), norms.toSorted((a, b) => a - b)[4], Math.max(...norms)];
    const expected = [middle / high, middle / low].map((weight) => Number(weight.toPrecision(3)));
    const told = numbers(said('equalizer: {mode: analytic}\n', 'equalizer.mode'));
    expect([told[0], told[2]]).toEqual(expected);
    expect(numbers(said('equalizer: {mode: none}\n', 'equalizer.mode'))).toContain(Number((high / low).toPrecision(3)));
  });
});

describe('the trust region', () => {
  it('the anchor is refreshed in the iterations in which its updates fall', () => {
    const sizes = fc.record({ interval: fc.integer({ min: 1, max: 40 }), iterations: fc.integer({ min: 1, max: 12 }) });
    fc.assert(
      fc.property(sizes, ({ interval, iterations }) => {
        // 32 rollouts in micro-batches of 16, 9 steps and 6 replays an update: 3 updates an iteration.
        const text = `training: {iterations: ${iterations}, micro_batch: 16, accumulation: 6}\ntrust_region: {anchor: {interval: ${interval}}}\n`;
        const due = Array.from({ length: 3 * iterations }, (_, u) => u + 1).filter((update) => update % interval === 0);
        const words = said(text, 'trust_region.anchor.interval');
        if (due.length === 0) return void expect(words).toContain('never, since the run makes only');
        const told = numbers(words.slice(words.indexOf(': in ')));
        const first = [...new Set(due.slice(0, 3).map((update) => Math.ceil(update / 3)))];
        expect(told).toEqual(due.length > 3 ? [...first, due.length] : first);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it('β is told as the controller makes it', () => {
    const text = 'trust_region: {beta: {initial: 1e-6, weight: 4e-5, ramp_calls: 40}}\n';
    const options = klOptions(configOf(text));
    let state = createKlController(options);
    let calls = 0;
    while (state.beta < options.weight) [state, calls] = [stepKlController(state, 0.01, options), calls + 1];
    // 32 rollouts in one micro-batch visit 9 steps.
    expect(said(text, 'trust_region.beta.weight')).toContain(
      `β rises from 1e-6 to 4e-5 over ${calls} replays, of which an iteration makes 9: until iteration ${Math.ceil(calls / 9)}.`,
    );
    expect(said('trust_region: {beta: {ramp_calls: 0}}\n', 'trust_region.beta')).toContain('β begins at 1e-5');
    expect(said('trust_region: {beta: {minimum: 1}}\n', 'trust_region.beta')).toBe('');
  });
});

describe('what is written', () => {
  it('evaluations and their videos', () => {
    const text = 'training: {iterations: 25}\nevaluation: {every: 10, videos_per_prompt: 3, max_videos: 100}\n';
    expect(said(text, 'evaluation.max_videos')).toBe(
      '4 evaluations: before training, after every 10 iterations and after the last. ' +
        'Each samples 100 videos, of 72 prompts × 3 = 216 that max_videos cuts; 400 in the run.',
    );
  });

  it('checkpoints that are left at the end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(25),
        fc.integer({ min: 1, max: 5 }),
        (iterations, every, keep) => {
          const text = `training: {iterations: ${iterations}}\ncheckpoints: {every: ${every}, keep: ${keep}, keep_best: false}\n`;
          const planned = Array.from({ length: iterations + 1 }, (_, i) => i).filter(
            (i) => i === 0 || i === iterations || (every > 0 && i % every === 0),
          );
          const words = said(text, 'checkpoints.keep');
          expect(numbers(words)[0]).toBe(planned.length);
          expect(numbers(words.slice(words.lastIndexOf('iteration')))).toEqual(planned.slice(-keep));
        },
      ),
      { numRuns: 100, seed: 5 },
    );
  });

  it('videos of the whole run', () => {
    expect(said('training: {iterations: 10}\nvideos: {every: 4}\nevaluation: {every: 5}\n', 'videos')).toBe(
      '200 .mp4 files in the whole run: 128 of rollouts (4 iterations × 32) and 72 of evaluations (3 × 24).',
    );
    expect(said('videos: {every: 0}\n', 'videos.every')).toBe('No video is written.');
  });
});
