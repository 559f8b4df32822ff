import { z } from 'zod';
import type { Estimate } from '../config/estimate/estimate.ts';
import { deviceNames, memoryParts } from '../config/estimate/names.ts';
import { modelNames } from '../config/key.ts';

const amount = z.number().nonnegative();
const stage = z.enum(['rollout', 'decode', 'score', 'update']);
const latent = z.object({ channels: amount, frames: amount, rows: amount, columns: amount });

/** Names of what an estimate can be for. */
export const deviceName = z.enum(deviceNames);

/** What a config is expected to take, and on what that rests. */
export const estimate: z.ZodType<Estimate> = z.object({
  model: z.enum(modelNames),
  title: z.string(),
  device: z.object({ name: deviceName, title: z.string(), count: amount, memory: amount.nullable() }),
  tokens: z.object({ video: amount, text: amount, latent }),
  parameters: z.object({
    policy: amount,
    trained: amount,
    autoencoder: amount,
    reward: amount.nullable(),
    textEncoders: amount,
  }),
  work: z.object({
    ...{ devices: amount, sequenceParallel: amount, ranks: amount, rollouts: amount, rolloutsPerRank: amount },
    ...{ explored: amount, trained: amount, replaysPerRank: amount, microBatches: amount, updates: amount },
    ...{ microBatch: amount, rolloutBranches: amount, trainBranches: amount, references: amount },
    ...{ evaluations: amount, evaluationVideos: amount, evaluationSteps: amount },
  }),
  flops: z.object({ forward: amount, replay: amount, decode: amount, score: amount, iteration: amount }),
  memory: z.object({
    parts: z.array(z.object({ part: z.enum(memoryParts), bytes: amount, stage: stage.nullable() })),
    stage,
    total: amount,
    fits: z.boolean().nullable(),
  }),
  seconds: z.object({
    ...{ rollout: amount, decode: amount, score: amount, update: amount },
    ...{ iteration: amount, evaluation: amount, run: amount },
  }),
  disk: z.object({
    ...{ checkpoints: amount, checkpointBytes: amount, videos: amount, videoBytes: amount, total: amount },
  }),
  assumptions: z.array(z.string()),
});
