import type { Config } from '../schema.ts';
import { convolutionFlops } from './autoencoders.ts';
import { forwardFlops, totalFlops } from './flops.ts';
import { shapesMemory, shapesParts, shapesRates } from './measured.ts';
import { memoryOf, type MemoryEstimate } from './memory.ts';
import { modelFacts, tokensOf } from './models.ts';
import type { StageSeconds } from './time.ts';
import type { Workload } from './workload.ts';

/** Videos that an evaluation of the trainer samples together. */
const evaluationChunk = 36;

/** Seconds that rows of work take on some threads, when parts of them go to whichever thread is free. */
function onThreads(rows: number, threads: number, secondsARow: number, mostParts: number = Infinity): number {
  const parts = Math.max(1, Math.min(mostParts, Math.ceil(rows / shapesParts.rows)));
  return Math.ceil(parts / threads) * (rows / parts) * secondsARow + shapesRates.task;
}

/** The stages of an iteration of the embedded model on this CPU, and those of an evaluation. */
export function shapesSeconds(config: Config, workload: Workload): { iteration: StageSeconds; evaluation: number } {
  const { sampling, training, policy } = config;
  const { rollouts, evaluationVideos, evaluationSteps, rolloutBranches, microBatches, updates } = workload;
  const model = modelFacts('shapes');
  const { threads } = policy;
  const forward = totalFlops(forwardFlops(model.network, tokensOf(model, sampling), null));
  const decode = 4 * convolutionFlops(model.decoder, { frames: 1, rows: 4, columns: 4 });
  const { sample: sampleRate, decode: decodeRate, update: updateRate, judge, optimizer } = shapesRates;
  const sampleRow = (steps: number) => (steps * rolloutBranches * forward) / sampleRate;
  const ofVideos = (videos: number, steps: number) => ({
    rollout: onThreads(videos, threads, sampleRow(steps)),
    decode: onThreads(videos, threads, decode / decodeRate),
    score: videos * judge,
  });
  const { trainBranches, references } = workload;
  const replayRow = trainBranches * forward * (3 / updateRate + references / sampleRate);
  // Shuffled samples fill micro-batches; a last one may be smaller.
  const replay = (rows: number) => onThreads(rows, threads, replayRow, shapesParts.most) + shapesRates.task;
  const wholes = Math.floor(rollouts / training.micro_batch);
  const rest = rollouts % training.micro_batch;
  const ofEach = microBatches === 0 ? 0 : workload.trained;
  const replays = ofEach * (wholes * replay(training.micro_batch) + (rest > 0 ? replay(rest) : 0));
  const step = (model.parameters * optimizer) / threads + shapesRates.task;
  const iteration = { ...ofVideos(rollouts, sampling.steps), update: replays + updates * step };
  const chunks = [
    ...Array.from({ length: Math.floor(evaluationVideos / evaluationChunk) }, () => evaluationChunk),
    ...(evaluationVideos % evaluationChunk === 0 ? [] : [evaluationVideos % evaluationChunk]),
  ];
  const evaluation = chunks.reduce((sum, videos) => {
    const stages = ofVideos(videos, evaluationSteps);
    return sum + stages.rollout + stages.decode + stages.score;
  }, 0);
  return { iteration, evaluation };
}

/** Peak resident memory of the trainer's process. */
export function processMemory(config: Config, { rollouts, explored, rolloutBranches }: Workload): MemoryEstimate {
  const { program, lane, idleLane, guidedLane, perRollout, encoder, perPixel } = shapesMemory;
  const { threads } = config.policy;
  const model = modelFacts('shapes');
  const busy = Math.min(threads, Math.max(Math.ceil(rollouts / shapesParts.rows), 3));
  const lanes = busy * (lane + (rolloutBranches === 2 ? guidedLane : 0)) + (threads - busy) * idleLane;
  const latent = 4 * 768 * 2;
  const { every, scale } = config.videos;
  // Current, anchor and pre-trained weights; the sum of an update and the gradients of its parts; two moments.
  const parts = Math.min(shapesParts.most, Math.ceil(config.training.micro_batch / shapesParts.rows));
  const anchors = 2;
  const flat = 4 * model.parameters;
  return memoryOf([
    { part: 'program', bytes: program + lanes, stage: null },
    { part: 'weights', bytes: flat, stage: null },
    { part: 'anchor', bytes: anchors * flat, stage: null },
    { part: 'gradients', bytes: (1 + parts) * flat, stage: null },
    { part: 'optimizer', bytes: 2 * flat, stage: null },
    { part: 'rollouts', bytes: rollouts * (latent * explored + perRollout), stage: null },
    { part: 'videos', bytes: every === 0 ? 0 : encoder + perPixel * (32 * scale) ** 2 * 8, stage: null },
  ]);
}
