import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { analyticEqualizer } from '../../engine/method/equalizer.ts';
import { kernelTable } from '../../engine/method/kernels.ts';
import { logProbCoefficients } from '../../engine/method/logprob.ts';
import { normals } from '../../engine/method/random.ts';
import { klAnchorScale } from '../../engine/method/surrogate.ts';
import { createGradientBuffers, takeGradient } from '../../engine/policy/onnx/gradient.ts';
import { startLanes } from '../../engine/policy/onnx/lanes.ts';
import { replay } from '../../engine/policy/onnx/replay.ts';
import { readWeights } from '../../engine/policy/onnx/state.ts';
import type { StepTrajectory, Trajectories } from '../../engine/policy/onnx/trajectories.ts';
import { sharedFloats } from '../../engine/policy/onnx/tasks.ts';
import { createWeights } from '../../engine/policy/onnx/weights.ts';
import type { LossOptions, Replay } from '../../engine/policy/policy.ts';
import { writeSafetensors, type Tensor } from '../../engine/run/safetensors.ts';
import { weightsFolder } from '../../engine/shapes/weights.ts';
import { median, spread, type Spread } from './statistics.ts';
import { startTorch, type TorchStep } from './torch-child.ts';

const rows = 32;
const latentSize = 768;
const table = kernelTable({ kernel: 'sage', steps: 10, shift: 3, eta: 0.5 });
/** A middle step of the demo's table. */
const middle = { k: 4, row: table.steps[4], ...logProbCoefficients(table, 4) };
const loss = {
  equalizer: analyticEqualizer(table)[middle.k]!,
  // So wide that no sample is clipped: a clipped one would have no gradient to compute.
  clipRange: 1e6,
  beta: 1e-5,
  anchorWeight: 1,
  stepwiseWeight: 0.1,
};

export interface UpdateStepResult {
  samples: number;
  threads: number;
  rounds: number;
  torch: string;
  /** Milliseconds of one step: median of the rounds' medians. */
  milliseconds: { onnxruntime: number } & Partial<Record<TorchStep, number>>;
  /** PyTorch's time over onnxruntime's, by rounds; absent where it does not run. */
  ratios: Partial<Record<TorchStep, Spread>>;
  /** Relative difference of the two gradients' norms: both did the same work. */
  gradientDifference: number;
  notRun: Partial<Record<TorchStep, string>>;
}

/**
 * Times forward and backward of the loss of 32 samples at a middle step of the demo's schedule: the policy's own replay
 * (messages to its lanes, gathering, the parts' gradients summed) against PyTorch, taking turns in every round. The
 * velocities of anchor and reference are given to both.
 * @returns a string with the reason where there is no PyTorch
 */
export async function measureUpdateStep(
  rounds: number,
  steps: number,
  threads = 2,
): Promise<UpdateStepResult | string> {
  const inputs = updateInputs();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-bench-'));
  const file = path.join(folder, 'inputs.safetensors');
  await writeSafetensors(file, Object.entries(inputs));
  const torch = await startTorch(path.join(weightsFolder(), 'policy.safetensors'), file, threads);
  await rm(folder, { recursive: true });
  if (typeof torch === 'string') return torch;
  const lanes = await startLanes(weightsFolder(), threads);
  try {
    const weights = createWeights(lanes.layout, await readWeights(lanes.layout));
    const buffers = createGradientBuffers(weights.sets.current.flat.length);
    const { trajectories, step, request, velocities } = replayInputs(inputs);
    let norm = 0;
    const onnxStep = async () => {
      norm = (await replay(lanes, weights, trajectories, step, request, buffers, velocities)).gradientNorm!;
      takeGradient(buffers);
    };
    const onnxRound = async () => {
      const milliseconds: number[] = [];
      for (let i = 0; i < steps; i++) {
        const started = performance.now();
        await onnxStep();
        milliseconds.push(performance.now() - started);
      }
      return median(milliseconds);
    };
    await onnxRound();
    const contestants = (['eager', 'compile'] as const).filter((name) => torch.broken[name] === undefined);
    const times: Record<'onnxruntime' | TorchStep, number[]> = { onnxruntime: [], eager: [], compile: [] };
    let torchNorm = Number.NaN;
    for (let round = 0; round < rounds; round++) {
      for (const name of contestants) {
        // Both keep their threads spinning for a moment after a step; that must not fall on the other's time.
        await sleep(150);
        times.onnxruntime.push(await onnxRound());
        await sleep(150);
        const { milliseconds, gradientNorm } = await torch.time(name, steps);
        times[name].push(median(milliseconds));
        torchNorm = gradientNorm;
      }
    }
    const milliseconds: UpdateStepResult['milliseconds'] = { onnxruntime: median(times.onnxruntime) };
    const ratios: UpdateStepResult['ratios'] = {};
    contestants.forEach((name, place) => {
      milliseconds[name] = median(times[name]);
      const paired = times[name].map((ms, round) => ms / times.onnxruntime[round * contestants.length + place]);
      ratios[name] = spread(paired);
    });
    const gradientDifference = Math.abs(norm - torchNorm) / torchNorm;
    const facts = { samples: rows, threads, rounds, torch: torch.torch, notRun: torch.broken };
    return { ...facts, milliseconds, ratios, gradientDifference };
  } finally {
    torch.close();
    await lanes.close();
  }
}

/** The same inputs as the policy keeps them: in shared memory, all rows of one step. */
function replayInputs(inputs: Record<string, Tensor>) {
  const shared = (name: string) => {
    const floats = sharedFloats(inputs[name].data.length);
    floats.set(inputs[name].data as Float32Array);
    return floats;
  };
  const { s, a, b, sigma } = middle.row;
  const step: StepTrajectory = {
    ...{ s, a, b, sigma, logProbScale: middle.scale, logProbOffset: middle.offset },
    ...{ latent: shared('x'), nextLatent: shared('x_next'), logProb: shared('logprob_old') },
  };
  const words = inputs.words.data as BigInt64Array;
  const trajectories: Trajectories = { samples: rows, latentSize, guidance: 1, words, steps: new Map() };
  const request: Replay & LossOptions = {
    samples: Array.from({ length: rows }, (_, i) => i),
    step: middle.k,
    advantages_M: [...(inputs.advantage.data as Float32Array)],
    ...loss,
    stepwiseEstimator: 'k3',
    useAnchor: true,
    measureReference: true,
    gradientScale: 1,
  };
  const velocities = { anchor: shared('velocity_anchor'), reference: shared('velocity_reference') };
  return { trajectories, step, request, velocities };
}

/** Inputs of the update graph besides the parameters, with the numbers of the middle step. */
function updateInputs(): Record<string, Tensor> {
  const { scale, offset } = middle;
  const { sigma, a, b, s } = middle.row;
  const noise = (draw: number, size: number) => {
    const values = new Float32Array(rows * size);
    normals({ seed: 1, stream: 0, iteration: 0, prompt: 0, generation: 0 }, draw, values);
    return values;
  };
  const latent = (data: Float32Array<ArrayBuffer>): Tensor => ({ dtype: 'float32', shape: [rows, latentSize], data });
  const column = (value: number): Tensor => ({
    dtype: 'float32',
    shape: [rows],
    data: new Float32Array(rows).fill(value),
  });
  const scalar = (value: number): Tensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) });
  const x = noise(0, latentSize);
  const z = noise(1, latentSize);
  // As if the velocity had been zero: the residual then has the size that it has in training.
  const xNext = Float32Array.from(x, (value, i) => a * value + s * z[i]);
  const words = BigInt64Array.from({ length: rows * 3 }, (_, i) => BigInt([i % 6, i % 3, i % 4][i % 3]));
  return {
    x: latent(x),
    x_next: latent(xNext),
    sigma: column(sigma),
    words: { dtype: 'int64', shape: [rows, 3], data: words },
    a: column(a),
    b: column(b),
    logprob_scale: column(scale),
    logprob_offset: column(offset),
    logprob_old: column(offset - 0.5),
    advantage: { dtype: 'float32', shape: [rows], data: noise(2, 1) },
    weight: column(1 / rows),
    equalizer: scalar(loss.equalizer),
    clip: scalar(loss.clipRange),
    beta: scalar(loss.beta),
    anchor_weight: scalar(loss.anchorWeight),
    stepwise_weight: scalar(loss.stepwiseWeight),
    stepwise_k3: scalar(1),
    kl_scale: column(klAnchorScale(s)),
    velocity_anchor: latent(noise(3, latentSize)),
    velocity_reference: latent(noise(4, latentSize)),
  };
}
