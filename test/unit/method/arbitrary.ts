import fc from 'fast-check';
import { type KernelName } from '../../../engine/method/kernels.ts';
import { maxSteps } from '../../../engine/method/schedule.ts';

export const sigmaMax = 0.997;

export const noisyKernel = fc.constantFrom<KernelName>('sage', 'flow_grpo', 'dance_grpo', 'cps');

/** Any number in [minimum, maximum] that is not an oddity of float64. */
export function between(minimum: number, maximum: number): fc.Arbitrary<number> {
  return fc.double({ min: minimum, max: maximum, noNaN: true, noDefaultInfinity: true });
}

/** A schedule on which every kernel is defined, up to the largest T that its shift allows. */
export const validSchedule = between(0.05, 30).chain((shift) =>
  fc.integer({ min: 1, max: Math.min(maxSteps(shift, sigmaMax), 300) }).map((steps) => ({ steps, shift })),
);
