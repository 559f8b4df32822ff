/**
 * A thread that runs the graphs on one core. Its sessions and its copies of the weights are its own; everything else is
 * in the tasks' shared arrays. Says `ready`, then answers each `LaneRequest` when no part of it is left;
 * ends at null.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SageError } from '../../errors.ts';
import { stepAdamWBlock } from './adamw.ts';
import { decodePart } from './decode.ts';
import { addGradientBlock } from './gradient.ts';
import { loadGraphs, type Graphs } from './graphs.ts';
import { createLocalWeights, type LocalWeights } from './parameters.ts';
import { replayPart } from './replay-part.ts';
import { samplePart } from './sample.ts';
import { readLayout } from './state.ts';
import type { LaneData, LaneFault, LaneReply, LaneRequest } from './tasks.ts';

const port = parentPort!;
const { graphsFolder, busy } = workerData as LaneData;
/** Every answer ends a time at work. */
function reply(message: LaneReply): void {
  port.postMessage(message);
  Atomics.sub(busy, 0, 1);
  Atomics.notify(busy, 0);
}

try {
  const graphs = await loadGraphs(graphsFolder);
  const layout = readLayout(graphs);
  const local = createLocalWeights(layout);
  port.on('message', async (request: LaneRequest | null) => {
    if (!request) return port.close();
    Atomics.add(busy, 0, 1);
    try {
      await takeParts(graphs, local, request);
      reply({ kind: 'done' });
    } catch (error) {
      reply({ kind: 'fault', fault: describeFault(error) });
    }
  });
  reply({ kind: 'ready', layout });
} catch (error) {
  reply({ kind: 'fault', fault: describeFault(error) });
}

async function takeParts(graphs: Graphs, local: LocalWeights, { task, parts, next }: LaneRequest): Promise<void> {
  for (let part = Atomics.add(next, 0, 1); part < parts; part = Atomics.add(next, 0, 1)) {
    if (Atomics.load(busy, 0) < 0) return;
    if (task.kind === 'sample') await samplePart(graphs, local, task, parts, part);
    else if (task.kind === 'decode') await decodePart(graphs, task, parts, part);
    else if (task.kind === 'replay') await replayPart(graphs, local, task, parts, part);
    else if (task.kind === 'sum') addGradientBlock(task, parts, part);
    else stepAdamWBlock(task, parts, part);
  }
}

function describeFault(error: unknown): LaneFault {
  if (!(error instanceof Error)) return { message: String(error), sage: null };
  const { message, stack } = error;
  if (!(error instanceof SageError)) return { message, stack, sage: null };
  return { message, stack, sage: { code: error.code, remedy: error.remedy, place: error.place } };
}
