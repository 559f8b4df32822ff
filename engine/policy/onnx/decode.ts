import * as ort from 'onnxruntime-node';
import { runGraph } from './run-graph.ts';
import { partBounds, type DecodeTask } from './tasks.ts';
import type { Workspace } from './workspace.ts';

/** Decodes one run of rows into its place. */
export async function decodePart(workspace: Workspace, task: DecodeTask, parts: number, part: number): Promise<void> {
  const { latentSize, videoShape, graphs, direct } = workspace;
  const { first, last } = partBounds(task.rows, parts, part);
  const videoSize = task.pixels.length / task.rows;
  const latents = task.latents.subarray(first * latentSize, last * latentSize);
  const pixels = task.pixels.subarray(first * videoSize, last * videoSize);
  const tensor = (values: Float32Array, shape: readonly number[]) =>
    new ort.Tensor('float32', direct ? values : new Float32Array(values), [last - first, ...shape]);
  const target = tensor(pixels, videoShape);
  await runGraph(graphs.decoder, { latent: tensor(latents, [latentSize]) }, { pixels: target });
  if (!direct) pixels.set(target.data as Float32Array);
}
