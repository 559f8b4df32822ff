import * as ort from 'onnxruntime-node';
import type { Graphs } from './graphs.ts';
import { partBounds, type DecodeTask } from './tasks.ts';

/** Decodes one run of rows into its place. */
export async function decodePart(graphs: Graphs, task: DecodeTask, parts: number, part: number): Promise<void> {
  const { first, last } = partBounds(task.rows, parts, part);
  const latentSize = task.latents.length / task.rows;
  // A copy: onnxruntime takes no shared memory before Node 24.
  const latents = Float32Array.from(task.latents.subarray(first * latentSize, last * latentSize));
  const { pixels } = await graphs.decoder.run({
    latent: new ort.Tensor('float32', latents, [last - first, latentSize]),
  });
  task.pixels.set(pixels.data as Float32Array, (first * task.pixels.length) / task.rows);
}
