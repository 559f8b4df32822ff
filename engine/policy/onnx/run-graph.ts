import type { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * Runs a graph whose outputs go into the given tensors. The binding returns a copy of every output beside them. Its memory
 * is given back at once: left to the garbage collector, megabytes a run would have it mark on the lanes' cores all the time.
 */
export async function runGraph(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  targets: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const copies = await session.run(feeds, targets);
  for (const name in copies) {
    const { buffer } = copies[name].data as Float32Array<ArrayBuffer>;
    if (buffer !== (targets[name].data as Float32Array).buffer) buffer.transfer(0);
  }
}
