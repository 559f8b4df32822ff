import type { Batch, VelocityName } from './batch.ts';
import type { ParameterSet } from './parameters.ts';
import { runGraph } from './run-graph.ts';
import type { Workspace } from './workspace.ts';

/**
 * Velocities of the batch's latents `x` under the given weights, at its `sigma` and `words`.
 * @param guidance 1 evaluates the conditional branch alone, anything else both: `v_u + g·(v_c − v_u)`
 * @param to where in the batch the velocities go
 */
export async function velocity(
  { graphs }: Workspace,
  batch: Batch,
  parameters: ParameterSet,
  guidance: number,
  to: VelocityName,
): Promise<void> {
  batch.values.guidance[0] = guidance;
  const session = guidance === 1 ? graphs.velocity : (await graphs.guided()).velocity;
  await runGraph(session, batch.feeds(parameters), batch.velocityTo[to]);
}
