import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isCheckpointPath } from './bases.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import { metricNames, type RewardModelName } from './key.ts';
import {
  builtInComponents,
  componentsOf,
  heldOutMetrics,
  pythonReward,
  rewardModels,
  rewardWeights,
} from './reward.ts';
import type { Rule, RuleContext } from './rule.ts';
import { warnOfRepository } from './rules-folders.ts';
import { quote } from './text.ts';
import { beside, neighbour } from './text-file.ts';

/** One model as a word, several as a list. */
const written = (models: readonly RewardModelName[]) => (models.length === 1 ? models[0] : models);

function checkModels(context: RuleContext): void {
  const { config, error, firstGiven, warn } = context;
  const models = rewardModels(config);
  const fitting = config.policy.model === 'shapes' ? 'shapes-judge' : 'videoalign';
  if (models.length === 0 && config.reward.python === null)
    error(
      'no-reward',
      'reward.model',
      'Nothing scores the videos: reward.model is null and there is no reward.python.',
      `Write \`model: ${fitting}\`, or remove the line.`,
      [likely(setKey('reward.model', fitting)), removeKey('reward.model')],
    );
  const repeated = models.find((name, i) => models.indexOf(name) < i);
  if (repeated !== undefined)
    warn(
      'no-effect',
      'reward.model',
      `reward.model names ${repeated} more than once, which has no effect.`,
      'Name each model once; reward.weights says how much it counts.',
      [likely(setKey('reward.model', written([...new Set(models)])))],
    );
  const wrong = config.policy.model === 'shapes' ? 'videoalign' : 'shapes-judge';
  if (!models.includes(wrong)) return;
  const right = [...new Set(models.map((name) => (name === wrong ? fitting : name)))];
  error(
    'reward-mismatch',
    firstGiven('reward.model', 'policy.model'),
    wrong === 'videoalign'
      ? 'videoalign judges real video; it says nothing of Shapes.'
      : `shapes-judge knows only Shapes; it cannot score ${config.policy.model}.`,
    right.length === 1 ? `Write \`model: ${fitting}\`, or remove the line.` : `Write ${fitting} in its place.`,
    [likely(setKey('reward.model', written(right))), removeKey('reward.model')],
  );
}

/** What the Python worker computes cannot be computed without it. */
function checkBackend({ config, given, error }: RuleContext): void {
  if (config.policy.backend !== 'onnx') return;
  const remedy =
    'Write `backend: torch` under `policy`, which runs the model and its rewards in Python, or remove the line.';
  const fixes = (path: string) => [likely(setKey('policy.backend', 'torch')), removeKey(path)];
  const models = rewardModels(config).filter((name) => metricNames.some((metric) => metric === name));
  const say = (path: string, what: string) =>
    error('reward-backend', path, `${what} is computed by the torch backend; onnx cannot.`, remedy, fixes(path));
  for (const name of new Set(models)) say('reward.model', name);
  if (config.reward.python !== null) say('reward.python', 'A reward in Python');
  if (given('reward.held_out') && heldOutMetrics(config).length > 0)
    for (const name of new Set(heldOutMetrics(config))) say('reward.held_out', name);
}

function checkWeights({ config, error, given }: RuleContext): void {
  const models = rewardModels(config);
  const weights = rewardWeights(config);
  const gives = new Set(models.flatMap((name) => componentsOf[name]));
  for (const name of Object.keys(weights).filter((name) => builtInComponents.has(name) && !gives.has(name))) {
    if (!given(`reward.weights.${name}`)) continue;
    const source = componentsOf[name as RewardModelName]
      ? name
      : config.policy.model === 'shapes'
        ? 'shapes-judge'
        : 'videoalign';
    error(
      'component-not-given',
      `reward.weights.${name}`,
      `${name} has a weight, but reward.model does not name ${source === name ? 'it' : `${source}, which gives it`}.`,
      `Add ${source} to reward.model, or remove the line.`,
      [
        likely(removeKey(`reward.weights.${name}`)),
        setKey('reward.model', written([...models, source as RewardModelName])),
      ],
    );
  }
  if (gives.size + Number(config.reward.python !== null) === 0) return;
  if (!Object.values(weights).every((weight) => weight === 0)) return;
  const names = Object.keys(weights);
  const first = names.includes('TA') ? 'TA' : (names[0] ?? 'python');
  error(
    'zero-reward',
    'reward.weights',
    'Every weight of the reward is 0, so all videos are worth the same and nothing can be learnt.',
    `Give at least one component a weight, such as \`${first}: 1\`.`,
    [
      likely(setKey(`reward.weights.${first}`, 1)),
      ...names.filter((name) => name !== first).map((name) => setKey(`reward.weights.${name}`, 0.5)),
    ],
  );
}

/** A metric that is trained on cannot show that the reward is being exploited. */
function checkHeldOut({ config, error, warn, firstGiven }: RuleContext): void {
  const held = heldOutMetrics(config);
  const models: readonly string[] = rewardModels(config);
  for (const name of new Set(held)) {
    if (!models.includes(name)) continue;
    const rest = held.filter((other) => other !== name);
    error(
      'held-out-reward',
      firstGiven('reward.held_out', 'reward.model'),
      `${name} is held out and a reward model at once; a metric that is trained on cannot show that the reward is exploited.`,
      'Take it out of reward.held_out or of reward.model.',
      [
        likely(rest.length === 0 ? removeKey('reward.held_out') : setKey('reward.held_out', rest)),
        setKey('reward.model', written(rewardModels(config).filter((other) => other !== name))),
      ],
    );
  }
  if (new Set(held).size < held.length)
    warn(
      'no-effect',
      'reward.held_out',
      'reward.held_out names a metric more than once, which has no effect.',
      'Name each metric once.',
      [likely(setKey('reward.held_out', [...new Set(held)]))],
    );
}

function missing(
  { baseFolder, error }: RuleContext,
  path: string,
  name: string,
  behind: string,
  otherwise: string,
): void {
  const file = resolve(baseFolder, name);
  if (existsSync(file)) return;
  const near = neighbour(file);
  error(
    'missing-file',
    path,
    `There is no file or folder ${quote(name, 200)}.`,
    `${near === null ? 'Check the path' : `Write ${quote(near, 200)}, which lies there`}, or remove the line${otherwise}.`,
    [...(near === null ? [] : [likely(setKey(path, beside(name, near) + behind))]), removeKey(path)],
  );
}

function checkFiles(context: RuleContext): void {
  const { python, checkpoints } = context.config.reward;
  if (!context.checkFiles) return;
  if (python !== null) {
    const { file, name } = pythonReward(python);
    missing(context, 'reward.python', file, `:${name}`, ' to score with a reward model');
  }
  for (const [name, from] of Object.entries(checkpoints)) {
    if (from === null) continue;
    const path = `reward.checkpoints.${name}`;
    if (isCheckpointPath(from)) missing(context, path, from, '', ' to load the released one');
    else warnOfRepository(context, path, from);
  }
}

export const rewardRules: Rule[] = [
  { needs: ['policy.model', 'reward.model', 'reward.python'], check: checkModels },
  { needs: ['policy.backend', 'reward.model', 'reward.python', 'reward.held_out'], check: checkBackend },
  { needs: ['policy.model', 'reward.model', 'reward.python', 'reward.weights'], check: checkWeights },
  { needs: ['reward.model', 'reward.held_out'], check: checkHeldOut },
  { needs: ['reward.python', 'reward.checkpoints'], check: checkFiles },
];
