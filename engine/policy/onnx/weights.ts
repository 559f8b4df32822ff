import { sharedFloats, type ParameterLayout, type SharedSet, type SharedWeights } from './tasks.ts';

/** The weights of the dual trust region in shared memory. */
export interface Weights {
  layout: ParameterLayout;
  sets: SharedWeights;
  /** While false the anchor is the pre-trained model, the reference. */
  hasAnchor: boolean;
}

/** The current weights and the reference are the given ones. */
export function createWeights(layout: ParameterLayout, flat: Float32Array): Weights {
  const set = (): SharedSet => ({
    flat: sharedFloats(flat.length),
    version: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
  });
  const sets = { current: set(), anchor: set(), reference: set() };
  changeSet(sets.current, flat);
  changeSet(sets.reference, flat);
  return { layout, sets, hasAnchor: false };
}

/** Overwrites a set; lanes see it with their next task. */
export function changeSet(set: SharedSet, flat: Float32Array): void {
  set.flat.set(flat);
  set.version[0] += 1;
}
