import os from 'node:os';
import * as ort from 'onnxruntime-node';
import { weightsFolder } from '../../shapes/weights.ts';
import type { Policy, PolicyDescription, ReplayResult } from '../policy.ts';
import { createAdamW, stepAdamW } from './adamw.ts';
import { createGradientBuffers, takeGradient } from './gradient.ts';
import { startLanes } from './lanes.ts';
import { replay } from './replay.ts';
import { createRollouts, promptWords } from './rollout.ts';
import { loadState, readWeights, saveState } from './state.ts';
import { changeSet, createWeights } from './weights.ts';

const latentShape = [12, 4, 4, 4];
const latentSize = 768;
const format = { frames: 8, height: 32, width: 32, framesPerSecond: 8 };

export interface ShapesPolicyOptions {
  /** Folder of the graphs; the packaged one by default. */
  graphsFolder?: string;
  /** Weights to start from (safetensors); the packaged pre-trained ones by default. */
  weightsFile?: string;
  /** Threads that run the model, one core each. Any number gives the same bits. */
  threads: number;
}

/**
 * The embedded Shapes model on onnxruntime-node, spread over threads: the velocity graph samples, the update graph
 * returns loss terms and parameter gradients, AdamW steps. This thread is one of them; its event loop turns between runs of a graph.
 * @throws SageError when a graph or the weights are missing, broken or of another layout
 */
export async function createShapesPolicy(options: ShapesPolicyOptions): Promise<Policy> {
  const lanes = await startLanes(options.graphsFolder ?? weightsFolder(), options.threads);
  const pretrained = await readWeights(lanes.layout, options.weightsFile).catch(async (error: unknown) => {
    await lanes.close();
    throw error;
  });
  const weights = createWeights(lanes.layout, pretrained);
  const gradient = createGradientBuffers(pretrained.length);
  const optimizer = createAdamW(pretrained.length);
  const rollouts = createRollouts(lanes, weights, format, latentSize);

  return {
    describe: () => describe(pretrained.length, options.threads),
    async encodePrompts(prompts) {
      promptWords(prompts);
    },
    rollout: (request) => rollouts.rollout(request),
    async forwardBackward(request) {
      const { replays, handle, ...loss } = request;
      const results: ReplayResult[] = [];
      for (const each of replays) {
        const { trajectories, step } = rollouts.kept(handle, each.step);
        results.push(await replay(lanes, weights, trajectories, step, { ...loss, ...each }, gradient));
      }
      // As where they share passes, so that a run learns the same from them wherever it is trained.
      if (replays.length > 1) for (const result of results) result.gradientNorm = result.gradientNormRaw = null;
      return results;
    },
    async optimStep(request) {
      const { current } = weights.sets;
      const result = await stepAdamW(lanes, optimizer, current.flat, takeGradient(gradient), request);
      current.version[0] += 1;
      return result;
    },
    async setAnchor() {
      changeSet(weights.sets.anchor, weights.sets.current.flat);
      weights.hasAnchor = true;
    },
    release: (handle) => rollouts.release(handle),
    saveState: (folder) => saveState(folder, weights, optimizer),
    loadState: (folder) => loadState(folder, weights, optimizer),
    peakMemory: () => process.resourceUsage().maxRSS * 1024,
    dispose: () => lanes.close(),
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
