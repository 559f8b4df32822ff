import { isDue } from './config/plan.ts';
import { groupAdvantages } from './method/advantages.ts';
import { stepKlController } from './method/trust-region.ts';
import { anchorDue } from './method/trust-region.ts';
import { updateMeasuredEqualizer } from './method/equalizer.ts';
import type { ReplayResult } from './policy/policy.ts';
import { drawBatch, planUpdates, promptsToCome } from './training/batch.ts';
import { checkpoint } from './training/checkpointing.ts';
import type { TrainerContext } from './training/context.ts';
import { evaluate, evaluationSamples } from './training/evaluation.ts';
import { currentEqualizer, klOptions, optimizerRequest, totalReward } from './training/settings.ts';
import { createObserver, type Observer } from './training/observe.ts';
import { scoreVideos } from './training/scoring.ts';
import { recordRollouts } from './training/videos.ts';
import { SageError } from './errors.ts';

/** How training ended. */
export type TrainOutcome = 'finished' | 'stopped';

/**
 * SAGE-GRPO, from the context's state to the last iteration (method: order of one iteration). Evaluates before the
 * first iteration and after the last; checkpoints when due, on request, and before it stops.
 * @throws SageError when no group of an iteration could be scored, or the disk or the policy fails
 */
export async function train(context: TrainerContext): Promise<TrainOutcome> {
  const { config, policy, state, events, gate } = context;
  const { iterations } = config.training;
  context.progress({ stage: 'encode', iteration: state.iteration });
  await policy.encodePrompts(promptsOfRun(context));
  if (state.checkpointed < 0) {
    if (config.trust_region.anchor.mode !== 'none') await policy.setAnchor();
    await evaluate(context);
    await checkpoint(context);
  }
  while (state.iteration < iterations) {
    const order = await gate.beforeIteration(state.iteration);
    if (order === 'stop') {
      await checkpoint(context);
      return 'stopped';
    }
    const iteration = state.iteration + 1;
    const metrics = await trainIteration(context, iteration);
    state.iteration = iteration;
    events.append({ kind: 'iteration', iteration, ...metrics });
    context.progress({
      stage: 'iteration',
      iteration,
      iterations,
      reward: metrics.reward.mean,
      seconds: metrics.seconds.total,
    });
    const best = isDue(config, 'evaluation', iteration) && (await evaluate(context));
    const wanted = gate.takeCheckpointRequest() || (best && config.checkpoints.keep_best);
    if (wanted || isDue(config, 'checkpoints', iteration)) await checkpoint(context);
  }
  return 'finished';
}

/** All that is still to be sampled: prompts of evaluations, and those that the iterations to come draw. */
function promptsOfRun(context: TrainerContext): string[] {
  const { config, prompts, state } = context;
  const evaluated = evaluationSamples(context).map(({ prompt }) => prompt);
  return [...new Set([...evaluated, ...promptsToCome(config, prompts, state.iteration)])];
}

/** One iteration: draw prompts, roll out, score, centre, replay with updates. Returns everything that is observable. */
async function trainIteration(context: TrainerContext, iteration: number) {
  const { config, policy, reward, table, trainedSteps } = context;
  const observer = createObserver(context, iteration);

  const batch = drawBatch(config, context.prompts, iteration);
  context.progress({ stage: 'rollout', iteration });
  const rollout = await policy.rollout({
    samples: batch.samples,
    table,
    trainedSteps,
    guidance: config.sampling.guidance,
    trainGuidance: config.sampling.train_guidance,
    progress: (done, of) => context.progress({ stage: 'rollout', iteration, done, of }),
  });
  observer.sampled(rollout.seconds);

  context.progress({ stage: 'score', iteration });
  const scores = await observer.timed('score', () =>
    scoreVideos(
      reward,
      config,
      rollout.videos.map((video, i) => ({ prompt: batch.samples[i].prompt, video })),
    ),
  );
  const rewards_N = scores.map((score) => totalReward(config, score));
  const group = groupAdvantages(batch.byGroup(rewards_N), config.reward.advantage_clip);
  if (group.usableGroups === 0) throw unscoredIteration(iteration, scores);
  const advantages_N = group.advantages.flat();
  observer.scored(scores, rewards_N, group);
  await recordRollouts(context, iteration, batch, rollout.videos, scores, rewards_N, advantages_N);

  context.progress({ stage: 'update', iteration });
  for (const update of planUpdates(config, trainedSteps, advantages_N, iteration)) {
    const gradientScale = 1 / update.reduce((count, { replays }) => count + replays.length, 0);
    for (const { replays, measureReference } of update) {
      const equalizer_K = currentEqualizer(context);
      const asked = replays.map(({ samples, step }) => ({
        samples,
        step,
        advantages_M: samples.map((i) => advantages_N[i]!),
        equalizer: equalizer_K[step] ?? 1,
      }));
      const results = await observer.timed('update', () =>
        policy.forwardBackward({
          handle: rollout.handle,
          replays: asked,
          measureReference,
          gradientScale,
          ...context.lossSettings,
          beta: context.state.klController.beta,
        }),
      );
      results.forEach((result, i) => {
        observer.replayed(asked[i].step, asked[i].equalizer, result);
        adapt(context, asked[i].step, result);
      });
    }
    await optimise(context, iteration, observer);
  }
  policy.release(rollout.handle);
  return observer.metrics();
}

/** What each replay teaches the controller of β and the measured equalizer. */
function adapt(context: TrainerContext, step: number, result: ReplayResult): void {
  const { config, state } = context;
  const kl = config.trust_region.anchor.mode === 'none' ? result.klStep : result.klAnchor;
  state.klController = stepKlController(state.klController, kl, klOptions(config));
  if (config.equalizer.mode === 'measured' && result.gradientNormRaw !== null) {
    state.equalizer = updateMeasuredEqualizer(state.equalizer, step, result.gradientNormRaw);
  }
}

/** One optimizer update, and the anchor's refresh when it is due. */
async function optimise(context: TrainerContext, iteration: number, observer: Observer): Promise<void> {
  const { config, policy, state } = context;
  const result = await observer.timed('update', () => policy.optimStep(optimizerRequest(config, iteration)));
  observer.optimised(result);
  if (!result.skipped) state.updates += 1;
  const { mode, interval } = config.trust_region.anchor;
  if (!result.skipped && anchorDue(state.updates, mode, interval)) {
    await policy.setAnchor();
    observer.anchorRefreshed(state.updates);
  }
}

function unscoredIteration(iteration: number, scores: readonly { scored: boolean; reason?: string }[]): SageError {
  const reason = scores.find((score) => !score.scored)?.reason ?? 'no reason given';
  return new SageError(
    'train/unscored',
    `In iteration ${iteration} no group kept two scored videos; the first failure was: ${reason}.`,
    'Look at the rollouts of this iteration and at the reward model; then resume the run from its last checkpoint.',
  );
}
