import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isWeightsPath } from './bases.ts';
import { valueAt } from './data.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import type { Rule, RuleContext } from './rule.ts';
import { warnOfRepository } from './rules-folders.ts';
import { oneOf, quote } from './text.ts';
import { beside, neighbour } from './text-file.ts';
import { defaultFor, flatten, rootKey } from './walk.ts';

function checkBackend({ config, error, firstGiven }: RuleContext): void {
  const { model, backend } = config.policy;
  if (model === 'shapes' || backend === 'torch') return;
  error(
    'backend',
    firstGiven('policy.backend', 'policy.model'),
    `The onnx backend only runs shapes, not ${model}.`,
    'Write `backend: torch`, or remove the line.',
    [likely(setKey('policy.backend', 'torch')), removeKey('policy.backend')],
  );
}

function checkAdapter({ config, error, firstGiven }: RuleContext): void {
  const { model, backend, adapter } = config.policy;
  if (model !== 'shapes' || backend !== 'torch' || adapter.kind === 'none') return;
  error(
    'adapter',
    firstGiven('policy.adapter.kind', 'policy.adapter', 'policy.model'),
    'shapes takes no adapter: it is small, and all of its weights are trained.',
    'Write `kind: none`, or remove the block.',
    [likely(setKey('policy.adapter.kind', 'none')), removeKey('policy.adapter')],
  );
}

function checkSize({ config, error }: RuleContext): void {
  const { model } = config.policy;
  const wrong = (name: 'frames' | 'height' | 'width', wants: string, nearest: number[]) =>
    error(
      'video-size',
      `sampling.${name}`,
      `sampling.${name} is ${config.sampling[name]}, but ${model} ${wants}.`,
      `Write ${oneOf(nearest)}.`,
      nearest.map((size) => likely(setKey(`sampling.${name}`, size))),
    );
  if (model === 'shapes') {
    for (const [name, size] of [
      ['frames', 8],
      ['height', 32],
      ['width', 32],
    ] as const)
      if (config.sampling[name] !== size)
        wrong(name, `makes videos of ${size} ${name === 'frames' ? 'frames' : `pixels in ${name}`} only`, [size]);
    return;
  }
  const { frames } = config.sampling;
  if (frames % 4 !== 1)
    wrong(
      'frames',
      'makes 4n + 1 frames',
      around(frames - 1, 4, 0).map((n) => n + 1),
    );
  for (const name of ['height', 'width'] as const)
    if (config.sampling[name] % 16 !== 0) wrong(name, 'needs a multiple of 16', around(config.sampling[name], 16, 16));
}

/** Multiples of `step` just below and just above a value. */
function around(value: number, step: number, minimum: number): number[] {
  const below = Math.floor(value / step) * step;
  return [below, below + step].filter((n) => n >= minimum);
}

/** What the onnx backend cannot do at all, which is an error of its own. */
const needTorch = ['reward.python', 'reward.held_out'];

/** Keys that the other backend reads. One that has its default says nothing wrong. */
function checkIgnored({ config, written, warn }: RuleContext): void {
  const { model, backend } = config.policy;
  for (const info of flatten(rootKey)) {
    const reader = info.meta.torchOnly === true ? 'torch' : info.meta.onnxOnly === true ? 'onnx' : backend;
    if (reader === backend || !written(info.path) || needTorch.includes(info.path)) continue;
    const value = JSON.stringify(valueAt(config, info.path.split('.')));
    if (value === JSON.stringify(defaultFor(info, model))) continue;
    warn(
      `${reader}-only`,
      info.path,
      `${info.path} is only read by the ${reader} backend; ${backend} ignores it.`,
      'Remove the line.',
      [likely(removeKey(info.path))],
    );
  }
}

function checkWeights(context: RuleContext): void {
  const { config, baseFolder, checkFiles, error } = context;
  const { weights, model } = config.policy;
  if (weights === null || !checkFiles) return;
  if (!isWeightsPath(weights, model)) return warnOfRepository(context, 'policy.weights', weights);
  const file = resolve(baseFolder, weights);
  if (existsSync(file)) return;
  const near = neighbour(file);
  error(
    'missing-file',
    'policy.weights',
    `There is no file or folder ${quote(weights, 200)}.`,
    `${near === null ? 'Check the path' : `Write ${quote(near, 200)}, which lies there`}, or remove the line to start from the released weights.`,
    [
      ...(near === null ? [] : [likely(setKey('policy.weights', beside(weights, near)))]),
      removeKey('policy.weights', '(start from the released weights)'),
    ],
  );
}

function checkGuidance({ config, warn, firstGiven }: RuleContext): void {
  const { guidance, train_guidance: trained } = config.sampling;
  if (guidance === 0)
    warn(
      'guidance',
      'sampling.guidance',
      'With guidance 0 the prompt has no effect on the video.',
      'Write 1 for plain sampling, or more to follow the prompt closer.',
      [likely(setKey('sampling.guidance', 1))],
    );
  if (guidance !== 0 && guidance !== 1 && !trained)
    warn(
      'guidance',
      firstGiven('sampling.train_guidance', 'sampling.guidance'),
      `Rollouts are sampled with guidance ${guidance}, but training replays them without it, so another policy is trained than the one that sampled.`,
      'Write `train_guidance: true`, or sample with `guidance: 1`.',
      [likely(setKey('sampling.train_guidance', true)), setKey('sampling.guidance', 1)],
    );
}

function checkVideos({ config, error, warn }: RuleContext): void {
  const { scale, per_prompt: perPrompt } = config.videos;
  if (config.policy.model === 'shapes' && scale < 8)
    error(
      'video-scale',
      'videos.scale',
      `videos.scale is ${scale}, which writes videos of ${32 * scale} pixels; players need 256.`,
      'Write 8 or more.',
      [likely(setKey('videos.scale', 8))],
    );
  if (perPrompt !== null && perPrompt > config.rollout.generations)
    warn(
      'no-effect',
      'videos.per_prompt',
      `videos.per_prompt is ${perPrompt}, but a prompt has only ${config.rollout.generations} generations.`,
      'Write null for all of them.',
      [likely(setKey('videos.per_prompt', null))],
    );
}

export const modelRules: Rule[] = [
  { needs: ['policy.model', 'policy.backend'], check: checkBackend },
  { needs: ['policy.model', 'policy.backend', 'policy.adapter.kind'], check: checkAdapter },
  { needs: ['policy.model', 'sampling.frames', 'sampling.height', 'sampling.width'], check: checkSize },
  { needs: ['policy', 'reward.checkpoints', 'training.measure_drift'], check: checkIgnored },
  { needs: ['policy.model', 'policy.weights'], check: checkWeights },
  { needs: ['policy.model', 'sampling.guidance', 'sampling.train_guidance'], check: checkGuidance },
  { needs: ['policy.model', 'rollout.generations', 'videos.scale', 'videos.per_prompt'], check: checkVideos },
];
