import * as ort from 'onnxruntime-node';
import { createBatch, type Batch } from './batch.ts';
import type { Graphs } from './graphs.ts';
import { createParameterSet, type ParameterSet } from './parameters.ts';
import { runGraph } from './run-graph.ts';
import { readLayout } from './state.ts';
import { sharedFloats, type ParameterLayout, type SharedSet } from './tasks.ts';

/** What one thread runs parts with, made once: no part allocates tensors. */
export interface Workspace {
  graphs: Graphs;
  layout: ParameterLayout;
  /** Values of one latent. */
  latentSize: number;
  /** Shape of one video as the decoder gives it. */
  videoShape: readonly number[];
  /** Whether onnxruntime reads and writes shared memory: Node's native interface takes it from Node 24 on. */
  direct: boolean;
  /** The tensors by number of rows. */
  batch(rows: number): Batch;
  /** The weights as the graphs' feeds; where onnxruntime takes no shared memory, a copy of this thread. */
  parameters(shared: SharedSet): ParameterSet;
  /** Where a part's gradient goes. After the run call `deliver`. */
  gradient(shared: Float32Array): { target: ParameterSet; deliver(): void };
}

/** Looks at the loaded graphs and tries what onnxruntime takes here. */
export async function createWorkspace(graphs: Graphs): Promise<Workspace> {
  const layout = readLayout(graphs);
  const [latentSize] = rowShape(graphs.velocity.inputMetadata, 'x');
  const videoShape = rowShape(graphs.decoder.outputMetadata, 'pixels');
  const direct = await takesShared(graphs, latentSize);
  const sets = new WeakMap<Float32Array, ParameterSet>();
  const versions = new WeakMap<Float32Array, number>();
  const batches = new Map<number, Batch>();
  const setOf = (shared: Float32Array) => {
    let set = sets.get(shared);
    if (!set) {
      set = createParameterSet(layout.names, layout.shapes, direct ? shared : undefined);
      sets.set(shared, set);
    }
    return set;
  };
  return {
    ...{ graphs, layout, latentSize, videoShape, direct },
    batch(rows) {
      const batch = batches.get(rows) ?? createBatch(rows, latentSize);
      batches.set(rows, batch);
      return batch;
    },
    parameters({ flat, version }) {
      const set = setOf(flat);
      if (!direct && versions.get(flat) !== version[0]) {
        set.flat.set(flat);
        versions.set(flat, version[0]);
      }
      return set;
    },
    gradient(shared) {
      const target = setOf(shared);
      return { target, deliver: () => void (direct || shared.set(target.flat)) };
    },
  };
}

/** Shape of one row of a graph's input or output. */
function rowShape(metadata: readonly ort.InferenceSession.ValueMetadata[], name: string): number[] {
  const found = metadata.find((value) => value.name === name);
  if (!found?.isTensor) throw new Error(`the graph has no tensor "${name}"`);
  return found.shape.slice(1).map(Number);
}

async function takesShared(graphs: Graphs, latentSize: number): Promise<boolean> {
  const zeros = (...shape: number[]) =>
    new ort.Tensor('float32', sharedFloats(shape.reduce((product, size) => product * size, 1)), shape);
  const [latent, column] = [zeros(2, latentSize), zeros(2)];
  const feeds = { velocity: latent, x: latent, x_next: latent, a: column, b: column };
  try {
    await runGraph(graphs.logProb, { ...feeds, logprob_scale: column, logprob_offset: column }, { logprob: zeros(2) });
    return true;
  } catch {
    return false;
  }
}
