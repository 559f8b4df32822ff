import { expect, it } from 'vitest';
import { createReceiver, createSender, type Parcel } from '../../../engine/policy/onnx/crossing.ts';
import { sharedFloats } from '../../../engine/policy/onnx/tasks.ts';

/** As it crosses to another thread. */
const cross = (parcel: Parcel) => structuredClone(parcel);

it('shared arrays cross threads once and are the same objects ever after, everything else is copied', () => {
  const [pack, unpack] = [createSender(), createReceiver()];
  const [weights, gradient] = [sharedFloats(3), sharedFloats(2)];
  const words = BigInt64Array.of(1n, 2n);
  const first = unpack(cross(pack({ weights, parts: [gradient, weights], words, none: null, name: 'a' }))) as {
    weights: Float32Array;
    parts: Float32Array[];
  };
  weights[1] = 7;
  expect(first).toEqual({ weights, parts: [gradient, weights], words, none: null, name: 'a' });
  expect(first.weights.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(first.parts[1]).toBe(first.weights);

  const parcel = pack({ deep: { gradient }, other: weights });
  expect(parcel.arrays).toEqual([]);
  const second = unpack(cross(parcel)) as { deep: { gradient: Float32Array }; other: Float32Array };
  expect(second.deep.gradient).toBe(first.parts[0]);
  expect(second.other).toBe(first.weights);
});
