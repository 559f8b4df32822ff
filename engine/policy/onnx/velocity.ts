import * as ort from 'onnxruntime-node';
import type { Graphs } from './graphs.ts';
import type { ParameterSet } from './parameters.ts';

/**
 * A single row takes another matrix kernel, whose bits differ from those of the same row in a batch: such a row is
 * repeated, so that a replay in any micro-batch gives exactly the velocity of the rollout.
 */
export const minimumRows = 2;

/** The rows, and the same rows again. */
export function twice<T extends Float32Array | BigInt64Array>(rows: T): T {
  const doubled = new (rows.constructor as new (length: number) => T)(rows.length * 2);
  doubled.set(rows as never, 0);
  doubled.set(rows as never, rows.length);
  return doubled;
}

/**
 * Velocities of `[N*latentSize]` latents under the given weights.
 * @param sigmas `[N]` noise level of each row
 * @param words `[N*3]` word indices
 * @param guidance 1 evaluates the conditional branch alone, anything else both: `v_u + g·(v_c − v_u)`
 */
export async function velocity(
  graphs: Graphs,
  parameters: ParameterSet,
  latents: Float32Array,
  sigmas: Float32Array,
  words: BigInt64Array,
  guidance: number,
): Promise<Float32Array> {
  const rows = sigmas.length;
  if (rows < minimumRows) {
    const pair = await velocity(graphs, parameters, twice(latents), twice(sigmas), twice(words), guidance);
    return pair.slice(0, latents.length);
  }
  const feeds: Record<string, ort.Tensor> = {
    ...parameters.feeds,
    x: new ort.Tensor('float32', latents, [rows, latents.length / rows]),
    sigma: new ort.Tensor('float32', sigmas, [rows]),
    words: new ort.Tensor('int64', words, [rows, 3]),
  };
  if (guidance !== 1) feeds.guidance = new ort.Tensor('float32', Float32Array.of(guidance), []);
  const session = guidance === 1 ? graphs.velocity : (await graphs.guided()).velocity;
  const outputs = await session.run(feeds, ['velocity']);
  return outputs.velocity.data as Float32Array;
}
