import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as ort from 'onnxruntime-node';
import { analyticEqualizer } from '../../engine/method/equalizer.ts';
import { kernelTable } from '../../engine/method/kernels.ts';
import { logProbCoefficients } from '../../engine/method/logprob.ts';
import { normals } from '../../engine/method/random.ts';
import { klAnchorScale } from '../../engine/method/surrogate.ts';
import { loadGraphs, releaseGraphs } from '../../engine/policy/onnx/graphs.ts';
import { createGradientBuffers, runUpdate, takeGradient } from '../../engine/policy/onnx/replay.ts';
import { readWeights } from '../../engine/policy/onnx/state.ts';
import { writeSafetensors, type Tensor } from '../../engine/run/safetensors.ts';
import { weightsFolder } from '../../engine/shapes/weights.ts';
import { median, spread, type Spread } from './statistics.ts';
import { startTorch, type TorchStep } from './torch-child.ts';

const rows = 32;
const latentSize = 768;

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
 * Times forward and backward of the loss of 32 samples at a middle step of the demo's schedule: the policy's own session
 * (parameters fed as inputs, gradients read back) against PyTorch, taking turns in every round.
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
  const graphs = await loadGraphs(weightsFolder(), threads);
  try {
    const weights = await readWeights(graphs);
    const buffers = createGradientBuffers(graphs, weights);
    let norm = 0;
    const onnxStep = async () => {
      norm = (await runUpdate(graphs.update, weights, freshFeeds(inputs), 1, buffers)).gradientNorm;
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
    await releaseGraphs(graphs);
  }
}

/** New tensors for every step, as the policy makes them. */
function freshFeeds(inputs: Record<string, Tensor>): Record<string, ort.Tensor> {
  const feeds = Object.entries(inputs).map(([name, { dtype, data, shape }]) => {
    const tensor =
      dtype === 'int64'
        ? new ort.Tensor('int64', data as BigInt64Array, shape)
        : new ort.Tensor('float32', data as Float32Array, shape);
    return [name, tensor] as const;
  });
  return Object.fromEntries(feeds);
}

/** Inputs of the update graph besides the parameters, with the numbers of step 4 of the demo's `sage` table. */
function updateInputs(): Record<string, Tensor> {
  const table = kernelTable({ kernel: 'sage', steps: 10, shift: 3, eta: 0.5 });
  const k = 4;
  const { sigma, a, b, s } = table.steps[k];
  const { scale, offset } = logProbCoefficients(table, k);
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
    equalizer: scalar(analyticEqualizer(table)[k]!),
    // So wide that no sample is clipped: a clipped one would have no gradient to compute.
    clip: scalar(1e6),
    beta: scalar(1e-5),
    anchor_weight: scalar(1),
    stepwise_weight: scalar(0.1),
    stepwise_k3: scalar(1),
    kl_scale: column(klAnchorScale(s)),
    velocity_anchor: latent(noise(3, latentSize)),
    velocity_reference: latent(noise(4, latentSize)),
  };
}
