import { retainCheckpoints, saveCheckpoint } from '../run/checkpoint.ts';
import { iterationName } from '../run/folder.ts';
import type { TrainerContext } from './context.ts';

/**
 * Saves the state after the current iteration and deletes what the config does not keep. Does nothing when this
 * iteration has its checkpoint already. Queued videos are on the disk first, so a resume never lacks one.
 */
export async function checkpoint(context: TrainerContext): Promise<void> {
  const { config, state, events, runFolder, policy } = context;
  if (state.checkpointed === state.iteration) return;
  context.progress({ stage: 'checkpoint', iteration: state.iteration });
  await context.videos.drain();
  events.sync();
  const reward = state.evaluated?.iteration === state.iteration ? state.evaluated.reward : null;
  state.checkpointed = state.iteration;
  const { iteration, updates, klController, equalizer, best, evaluated } = state;
  await saveCheckpoint(
    runFolder,
    iteration,
    (folder) => policy.saveState(folder),
    {
      iteration,
      updates,
      seed: config.seed,
      klController: { ...klController },
      equalizer: { ...equalizer },
      best,
      evaluated,
      eventSeq: events.lastSeq(),
    },
    { reward },
  );
  announceCheckpoint(context, reward);
  const { keep, keep_best } = config.checkpoints;
  await retainCheckpoints(runFolder, { keep, bestIteration: keep_best ? best?.iteration : null });
}

/** Logs the checkpoint of the current iteration; also after a resume, whose cut removes the event. */
export function announceCheckpoint(context: Pick<TrainerContext, 'state' | 'events'>, reward: number | null): void {
  const { iteration, best } = context.state;
  context.events.append({
    kind: 'checkpoint',
    iteration,
    folder: `checkpoints/${iterationName(iteration)}`,
    reward,
    best: best?.iteration === iteration,
  });
}
