import { expect } from 'vitest';
import { MethodError } from '../../../engine/method/errors.ts';

/** The MethodError thrown by `attempt`, whose message is checked to name the key, the value and the nearest valid value. */
export function faultOf(attempt: () => unknown): MethodError {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(MethodError);
    const fault = error as MethodError;
    expect(fault.message).toContain(fault.key);
    for (const leaf of leaves(fault.value)) expect(fault.message).toContain(leaf);
    for (const leaf of fault.nearest === null ? [] : leaves(fault.nearest)) expect(fault.message).toContain(leaf);
    return fault;
  }
  throw new Error('nothing was thrown');
}

function leaves(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
}
