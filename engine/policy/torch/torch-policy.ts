import { logProbCoefficients } from '../../method/logprob.ts';
import type { Policy, RolloutRequest } from '../policy.ts';
import { videosOf } from './rollouts.ts';
import type { Worker } from './worker.ts';

/** The policy that a worker computes: the primitives of `Policy` as messages. Tensors stay where the worker is. */
export function createTorchPolicy(worker: Worker): Policy {
  const { reward, ...own } = worker.description;
  const versions = { ...worker.hello.versions, ...own.versions, ...reward?.versions };
  const description = { ...own, versions };
  let handles = 0;
  return {
    describe: () => description,
    async encodePrompts(prompts) {
      await worker.ask('encodePrompts', { prompts });
    },
    async rollout(request) {
      const handle = `rollout-${(handles += 1)}`;
      const { samples, trainedSteps, guidance, trainGuidance, progress } = request;
      const fields = { handle, samples, steps: stepsOf(request), trainedSteps, guidance, trainGuidance };
      const { logProbs, seconds } = await worker.ask('rollout', fields, {
        progress: (stage, done, of) => void (stage === 'sample' && progress?.(done, of)),
      });
      const videos = videosOf(worker, handle, samples.length, description.video);
      return { handle, videos, logProbs_N_K: logProbs.map((row) => Float64Array.from(row)), seconds };
    },
    async forwardBackward({ replays, ...fields }) {
      const asked = replays.map(({ advantages_M, ...replay }) => ({ ...replay, advantages: advantages_M }));
      return (await worker.ask('forwardBackward', { ...fields, replays: asked })).replays;
    },
    optimStep: (request) => worker.ask('optimStep', { ...request }),
    async setAnchor() {
      await worker.ask('setAnchor');
    },
    release: (handle) => worker.tell('release', { handle }),
    saveState: async (folder) => (await worker.ask('saveState', { folder })).files,
    async loadState(folder) {
      await worker.ask('loadState', { folder });
    },
    peakMemory: () => worker.peakMemory(),
    dispose: () => worker.close(),
  };
}

/** The rows of the kernel table, with the log-probability's line where a step is trained. */
function stepsOf({ table, trainedSteps }: RolloutRequest) {
  return table.steps.map(({ a, b, s, sigma }, k) => {
    const line = trainedSteps.includes(k) ? logProbCoefficients(table, k) : null;
    return { a, b, s, sigma, logprobScale: line?.scale ?? null, logprobOffset: line?.offset ?? null };
  });
}
