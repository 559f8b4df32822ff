/** What one rollout keeps for replay: everything of its trained steps, rows in sample order, in shared memory. */
export interface Trajectories {
  samples: number;
  /** Values of one latent. */
  latentSize: number;
  guidance: number;
  /** `[N*3]` word indices of the prompts. */
  words: BigInt64Array;
  /** By step k. */
  steps: Map<number, StepTrajectory>;
}

/** One step of every sample; latents are `[N*latentSize]`. */
export interface StepTrajectory {
  sigma: number;
  a: number;
  b: number;
  s: number;
  logProbScale: number;
  logProbOffset: number;
  latent: Float32Array;
  nextLatent: Float32Array;
  /** `[N]` */
  logProb: Float32Array;
}

/** Gathers rows of a `[N*width]` array in the order of `indices`. */
export function gatherRows<T extends Float32Array | BigInt64Array>(
  source: T,
  indices: readonly number[],
  width: number,
  to: T,
): void {
  indices.forEach((row, i) => {
    if (width === 1) to[i] = source[row];
    else to.set(source.subarray(row * width, (row + 1) * width) as never, i * width);
  });
}
