import os from 'node:os';
import * as ort from 'onnxruntime-node';
import { SageError } from '../../errors.ts';
import { parsePrompt, wordIndices } from '../../shapes/grammar.ts';
import { weightsFolder } from '../../shapes/weights.ts';
import type { Policy, PolicyDescription, RolloutRequest, RolloutResult, Video } from '../policy.ts';
import { createAdamW, stepAdamW } from './adamw.ts';
import { loadGraphs, releaseGraphs, type Graphs } from './graphs.ts';
import { cloneParameterSet } from './parameters.ts';
import { createGradientBuffers, replay, takeGradient, type Weights } from './replay.ts';
import { sampleLatents } from './sample.ts';
import { loadState, readWeights, saveState } from './state.ts';
import type { Trajectories } from './trajectories.ts';

const latentShape = [12, 4, 4, 4];
const latentSize = 768;
const format = { frames: 8, height: 32, width: 32, framesPerSecond: 8 };
const decodeRows = 32;

export interface ShapesPolicyOptions {
  /** Folder of the graphs; the packaged one by default. */
  graphsFolder?: string;
  /** Weights to start from (safetensors); the packaged pre-trained ones by default. */
  weightsFile?: string;
  /** Threads per operator. The same number gives the same bits. */
  threads: number;
}

/**
 * The embedded Shapes model on onnxruntime-node: the velocity graph samples, the update graph returns loss terms and
 * parameter gradients, AdamW runs here.
 * @throws SageError when a graph or the weights are missing, broken or of another layout
 */
export async function createShapesPolicy(options: ShapesPolicyOptions): Promise<Policy> {
  const graphs = await loadGraphs(options.graphsFolder ?? weightsFolder(), options.threads);
  const reference = await readWeights(graphs, options.weightsFile);
  const weights: Weights = { current: cloneParameterSet(reference), anchor: null, reference };
  const gradient = createGradientBuffers(graphs, reference);
  const optimizer = createAdamW(reference.flat.length);
  const kept = new Map<string, Trajectories>();
  let handles = 0;

  return {
    describe: () => describe(reference.flat.length, options.threads),
    async rollout(request) {
      const { result, trajectories } = await rollout(graphs, weights, request, `rollout-${(handles += 1)}`);
      if (request.trainedSteps.length > 0) kept.set(result.handle, trajectories);
      return result;
    },
    async forwardBackward(request) {
      const trajectories = kept.get(request.handle);
      const step = trajectories?.steps.get(request.step);
      if (!trajectories || !step) throw new Error(`step ${request.step} of ${request.handle} was not kept for replay`);
      return replay(graphs, weights, trajectories, step, request, gradient);
    },
    async optimStep(request) {
      return stepAdamW(optimizer, weights.current.flat, takeGradient(gradient), request);
    },
    async setAnchor() {
      weights.anchor ??= cloneParameterSet(weights.current);
      weights.anchor.flat.set(weights.current.flat);
    },
    release: (handle) => void kept.delete(handle),
    saveState: (folder) => saveState(folder, weights, optimizer),
    loadState: (folder) => loadState(folder, weights, optimizer),
    dispose: () => releaseGraphs(graphs),
  };
}

function describe(parameters: number, threads: number): PolicyDescription {
  return {
    model: 'shapes',
    backend: 'onnx',
    device: `CPU (${os.cpus()[0]?.model.trim() ?? os.arch()})`,
    parameters,
    threads,
    latentShape,
    video: format,
    versions: { 'onnxruntime-node': ort.env.versions.node ?? 'unknown' },
  };
}

async function rollout(
  graphs: Graphs,
  weights: Weights,
  request: RolloutRequest,
  handle: string,
): Promise<{ result: RolloutResult; trajectories: Trajectories }> {
  const started = performance.now();
  const words = promptWords(request.samples.map((sample) => sample.prompt));
  const { latents, trajectories } = await sampleLatents(graphs, weights.current, request, words, latentSize);
  const sampled = performance.now();
  const videos = await decode(graphs, latents);
  const logProbs_N_K = request.samples.map((_, row) =>
    Float64Array.from(request.trainedSteps, (k) => trajectories.steps.get(k)!.logProb[row]),
  );
  const seconds = { sample: (sampled - started) / 1000, decode: (performance.now() - sampled) / 1000 };
  return { result: { handle, videos, logProbs_N_K, seconds }, trajectories };
}

function promptWords(prompts: readonly string[]): BigInt64Array {
  return BigInt64Array.from(
    prompts.flatMap((prompt) => {
      const words = parsePrompt(prompt);
      if (words) return wordIndices(words).map(BigInt);
      throw new SageError(
        'policy/prompt',
        `The Shapes model has no words for the prompt ${JSON.stringify(prompt.slice(0, 80))}.`,
        'Write "a COLOUR SHAPE moving DIRECTION", for example "a red circle moving left".',
      );
    }),
  );
}

/** Videos of `[N*latentSize]` normalised latents. */
async function decode(graphs: Graphs, latents: Float32Array): Promise<Video[]> {
  const { frames, height, width } = format;
  const size = frames * height * width * 3;
  const videos: Video[] = [];
  for (let first = 0; first < latents.length; first += decodeRows * latentSize) {
    const part = latents.subarray(first, Math.min(latents.length, first + decodeRows * latentSize));
    const rows = part.length / latentSize;
    const { pixels } = await graphs.decoder.run({ latent: new ort.Tensor('float32', part, [rows, latentSize]) });
    const data = pixels.data as Float32Array;
    for (let row = 0; row < rows; row++) {
      videos.push({ frames, height, width, pixels: data.subarray(row * size, (row + 1) * size) });
    }
  }
  return videos;
}
