import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { valueAt } from './issues.ts';
import type { Rule, RuleContext } from './rule.ts';
import { oneOf, quote } from './text.ts';
import { defaultFor, flatten, rootKey } from './walk.ts';

function checkBackend({ config, error, warn, firstGiven }: RuleContext): void {
  const { model, backend } = config.policy;
  if (model === 'shapes') return;
  if (backend === 'onnx')
    error(
      'backend',
      firstGiven('policy.backend', 'policy.model'),
      `The onnx backend only runs shapes, not ${model}.`,
      'Write `backend: torch`, or remove the line.',
    );
  warn(
    'needs-torch',
    'policy.model',
    `${model} needs the torch policy, a Python worker on CUDA GPUs; the embedded engine cannot run it.`,
    'The torch policy is not part of this version; try the settings with `model: shapes`.',
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

function checkReward({ config, error, firstGiven }: RuleContext): void {
  const { model, weights } = config.reward;
  const isShapes = config.policy.model === 'shapes';
  if ((model === 'shapes-judge') !== isShapes)
    error(
      'reward-mismatch',
      firstGiven('reward.model', 'policy.model'),
      isShapes
        ? 'videoalign judges real video; it says nothing of Shapes.'
        : `shapes-judge knows only Shapes; it cannot score ${config.policy.model}.`,
      isShapes ? 'Write `model: shapes-judge`, or remove the line.' : 'Write `model: videoalign`, or remove the line.',
    );
  if (Object.values(weights).every((weight) => weight === 0))
    error(
      'zero-reward',
      'reward.weights',
      'Every weight of the reward is 0, so all videos are worth the same and nothing can be learnt.',
      'Give at least one component a weight, such as `TA: 1`.',
    );
}

function checkTorchOnly({ config, given, warn }: RuleContext): void {
  if (config.policy.backend !== 'onnx' || config.policy.model !== 'shapes') return;
  for (const info of flatten(rootKey)) {
    if (info.meta.torchOnly !== true || !given(info.path)) continue;
    if (valueAt(config, info.path.split('.')) === defaultFor(info, 'shapes')) continue;
    warn(
      'torch-only',
      info.path,
      `${info.path} is only read by the torch backend; onnx ignores it.`,
      'Remove the line.',
    );
  }
}

function checkWeights({ config, baseFolder, checkFiles, error }: RuleContext): void {
  const { weights, model } = config.policy;
  if (weights === null || !checkFiles) return;
  // For shapes anything is a path; elsewhere `owner/name` is a repository of the Hugging Face hub.
  const isPath =
    model === 'shapes' || isAbsolute(weights) || /^\.{1,2}[\\/]/.test(weights) || weights.endsWith('.safetensors');
  if (!isPath || existsSync(resolve(baseFolder, weights))) return;
  error(
    'missing-file',
    'policy.weights',
    `There is no file or folder ${quote(weights, 200)}.`,
    'Check the path, or remove the line to start from the released weights.',
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
    );
  if (guidance !== 0 && guidance !== 1 && !trained)
    warn(
      'guidance',
      firstGiven('sampling.train_guidance', 'sampling.guidance'),
      `Rollouts are sampled with guidance ${guidance}, but training replays them without it, so another policy is trained than the one that sampled.`,
      'Write `train_guidance: true`, or sample with `guidance: 1`.',
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
    );
  if (perPrompt !== null && perPrompt > config.rollout.generations)
    warn(
      'no-effect',
      'videos.per_prompt',
      `videos.per_prompt is ${perPrompt}, but a prompt has only ${config.rollout.generations} generations.`,
      'Write null for all of them.',
    );
}

export const modelRules: Rule[] = [
  { needs: ['policy.model', 'policy.backend'], check: checkBackend },
  { needs: ['policy.model', 'sampling.frames', 'sampling.height', 'sampling.width'], check: checkSize },
  { needs: ['policy.model', 'reward'], check: checkReward },
  { needs: ['policy'], check: checkTorchOnly },
  { needs: ['policy.model', 'policy.weights'], check: checkWeights },
  { needs: ['policy.model', 'sampling.guidance', 'sampling.train_guidance'], check: checkGuidance },
  { needs: ['policy.model', 'rollout.generations', 'videos.scale', 'videos.per_prompt'], check: checkVideos },
];
