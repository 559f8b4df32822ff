import { readFile } from 'node:fs/promises';
import { SageError } from '../errors.ts';
import { writeFileAtomic } from '../run/disk.ts';
import { readEvents } from '../run/event-log.ts';
import type { EventKind, EventOf, RunEvent } from '../run/events.ts';
import { currentStatus, readRun, runPaths } from '../run/folder.ts';
import { readAssets } from './assets.ts';
import { binIterations } from './bins.ts';
import { buildHeatMaps } from './heatmaps.ts';
import { renderPage } from './page.ts';
import { readPairs } from './rollouts.ts';
import { buildCharts } from './series.ts';

export interface ReportOptions {
  /** Pairs of first and last videos that are put into the file (default 48, about 1 MB of 8-frame 256×256 videos). */
  mostPairs?: number;
}

/**
 * Writes one HTML file that shows a run and needs nothing else: no request, no server. Works for a run at any stage.
 * @returns the size of the file in bytes
 * @throws SageError when the run cannot be read or the file cannot be written
 */
export async function writeReport(runFolder: string, outFile: string, options: ReportOptions = {}): Promise<number> {
  const record = await readRun(runFolder);
  const paths = runPaths(runFolder);
  const events = await readEvents(paths.events).catch(nothingYet);
  const iterations = eventsOf(events, 'iteration');
  const evaluations = eventsOf(events, 'evaluation');
  const bins = binIterations(iterations);
  const page = renderPage({
    record,
    status: await currentStatus(runFolder, record),
    configText: await readFile(paths.config, 'utf8').catch(() => null),
    events,
    iterations,
    evaluations,
    binSize: bins[0]?.members.length ?? 1,
    charts: buildCharts(bins, evaluations),
    maps: buildHeatMaps(bins),
    pairs: await readPairs(runFolder, eventsOf(events, 'evaluation_videos'), options.mostPairs ?? 48),
    assets: readAssets(),
  });
  await writeFileAtomic(outFile, page, { doing: 'write the report' });
  return Buffer.byteLength(page);
}

/** A run that ended before its first event has no log. */
function nothingYet(error: unknown): RunEvent[] {
  if (error instanceof SageError && error.code === 'file/missing') return [];
  throw error;
}

function eventsOf<Kind extends EventKind>(events: readonly RunEvent[], kind: Kind): EventOf<Kind>[] {
  return events.filter((event): event is EventOf<Kind> => event.kind === kind);
}
