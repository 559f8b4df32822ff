import { SageError } from '../../errors.ts';
import type { VideoJob, VideoWriter } from '../../media/writer.ts';
import { placeOf } from './rollouts.ts';
import type { Worker } from './worker.ts';

/** Writes videos in the worker, where their pixels are, beside whatever else it does. */
export function createWorkerVideos(worker: Worker, quality: number): VideoWriter {
  let pending = 0;
  return {
    async enqueue(jobs) {
      for (const [handle, own] of byRollout(jobs)) {
        pending += own.length;
        await worker.ask('write', { handle, jobs: own, quality });
      }
    },
    // The worker holds the pixels of its rollouts in any case.
    ready: async () => {},
    async drain() {
      if (pending === 0) return;
      const { faults } = await worker.ask('drain');
      pending = 0;
      const [first] = faults;
      if (first) throw new SageError(first.code, first.message, first.remedy, { place: { file: first.file } });
    },
    get pending() {
      return pending;
    },
    close: async () => {},
  };
}

function byRollout(jobs: readonly VideoJob[]) {
  const rollouts = new Map<string, { sample: number; file: string; poster: string; scale: number }[]>();
  for (const { video, file, poster, scale } of jobs) {
    const { handle, sample } = placeOf(video);
    const own = rollouts.get(handle) ?? [];
    own.push({ sample, file, poster, scale });
    rollouts.set(handle, own);
  }
  return rollouts;
}
