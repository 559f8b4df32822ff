import * as ort from 'onnxruntime-node';
import type { ParameterSet } from './parameters.ts';
import { sampleOutputs } from './tasks.ts';

/**
 * A single row takes another matrix kernel, whose bits differ from those of the same row in a batch: such a row is
 * repeated, so that a replay in any micro-batch gives exactly the velocity of the rollout.
 */
export const minimumRows = 2;

const latentNames = ['x', 'x_next', 'velocity', 'velocity_anchor', 'velocity_reference'] as const;
const stepColumns = ['sigma', 'a', 'b', 'logprob_scale', 'logprob_offset'] as const;
const columnNames = [...stepColumns, 'logprob_old', 'advantage', 'weight', 'kl_scale', 'logprob'] as const;
const scalarNames = [
  ...(['equalizer', 'clip', 'beta', 'anchor_weight', 'stepwise_weight', 'stepwise_k3', 'guidance'] as const),
];
const sumOutputs = ['loss', 'drift_reference', 'drift_anchor'] as const;

export type VelocityName = 'velocity' | 'velocity_anchor' | 'velocity_reference';
type FloatName = (
  typeof latentNames | typeof columnNames | typeof scalarNames | typeof sampleOutputs | typeof sumOutputs
)[number];

/** Inputs and outputs of the graphs for a number of rows. They are filled in place; each graph takes what it names. */
export interface Batch {
  rows: number;
  /** By name of the graphs' inputs and outputs: `[N*latentSize]`, `[N]` or `[1]`. */
  values: Record<FloatName, Float32Array>;
  /** `[N*3]` */
  words: BigInt64Array;
  /** Everything that a graph may take, with the parameters given; one object for each set. */
  feeds(parameters: ParameterSet): Record<string, ort.Tensor>;
  /** Puts the velocity graph's output into the named values. */
  velocityTo: Record<VelocityName, Record<string, ort.Tensor>>;
  logProbTo: Record<string, ort.Tensor>;
  /** Puts the update graph's outputs into the values, and the gradient into the given set. */
  updateTo(gradient: ParameterSet): Record<string, ort.Tensor>;
}

/** Memory and tensors for batches of this many rows. */
export function createBatch(rows: number, latentSize: number): Batch {
  const tensors = {} as Record<FloatName, ort.Tensor>;
  const values = {} as Record<FloatName, Float32Array>;
  const add = (names: readonly FloatName[], ...shape: number[]) => {
    for (const name of names) {
      values[name] = new Float32Array(shape.reduce((product, size) => product * size, 1));
      tensors[name] = new ort.Tensor('float32', values[name], shape);
    }
  };
  add(latentNames, rows, latentSize);
  add([...columnNames, ...sampleOutputs], rows);
  add([...scalarNames, 'loss']);
  add(['drift_reference', 'drift_anchor'], 2);
  const words = new BigInt64Array(rows * 3);
  const inputs = {
    ...pick(tensors, [...latentNames, ...columnNames, ...scalarNames]),
    words: new ort.Tensor('int64', words, [rows, 3]),
  };
  const velocityTo = (name: VelocityName) => ({ velocity: tensors[name] });
  const results = pick(tensors, [...sampleOutputs, ...sumOutputs]);
  return {
    ...{ rows, values, words },
    feeds: remember((parameters) => ({ ...parameters.feeds, ...inputs })),
    velocityTo: {
      velocity: velocityTo('velocity'),
      velocity_anchor: velocityTo('velocity_anchor'),
      velocity_reference: velocityTo('velocity_reference'),
    },
    logProbTo: pick(tensors, ['logprob']),
    updateTo: remember(({ names, feeds }) => ({
      ...results,
      ...Object.fromEntries(names.map((name) => [`grad:${name}`, feeds[name]])),
    })),
  };
}

function pick(tensors: Record<FloatName, ort.Tensor>, names: readonly FloatName[]): Record<string, ort.Tensor> {
  return Object.fromEntries(names.map((name) => [name, tensors[name]]));
}

/** Makes a value once for each object that it is asked for with. */
function remember<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
}
