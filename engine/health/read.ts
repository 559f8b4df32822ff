import { SageError } from '../errors.ts';
import type { HealthFinding } from '../protocol/view.ts';
import { eventBatches } from '../run/event-log.ts';
import { runPaths, type CurrentStatus } from '../run/folder.ts';
import { createHealth } from './health.ts';

/**
 * Findings about a run from its folder; none for a run that died before its first event.
 * @param config the resolved config of run.json
 * @throws SageError for a damaged event log, or a disk error
 */
export async function readHealth(
  folder: string,
  config: Record<string, unknown>,
  status: CurrentStatus,
): Promise<HealthFinding[]> {
  const health = createHealth(config);
  try {
    for await (const batch of eventBatches(runPaths(folder).events, { validate: 'light' }))
      for (const event of batch) health.add(event);
  } catch (error) {
    if (!(error instanceof SageError) || error.code !== 'file/missing') throw error;
  }
  return health.findings(status);
}
