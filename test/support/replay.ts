import type { LossOptions, Policy, Replay, ReplayResult } from '../../engine/policy/policy.ts';

/** One replay with all that its loss needs. */
export type SingleReplay = Replay & LossOptions & { handle: string };

/** Has a policy compute one replay by itself. */
export async function replayed(policy: Policy, request: SingleReplay): Promise<ReplayResult> {
  const { samples, step, advantages_M, equalizer, ...rest } = request;
  const [result] = await policy.forwardBackward({ ...rest, replays: [{ samples, step, advantages_M, equalizer }] });
  return result;
}
