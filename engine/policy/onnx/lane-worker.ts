/**
 * A thread beside the calling one that runs the graphs on one core. Its sessions are its own; everything else is in the
 * tasks' shared arrays. It sleeps on its control word, blocking its event loop, takes the task from its port when it is
 * woken, and ends when lanes are stopped.
 */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { SageError } from '../../errors.ts';
import { awaitAsked, isStopped, sayDone } from './control.ts';
import { createReceiver, type Parcel } from './crossing.ts';
import { loadGraphs } from './graphs.ts';
import type { LaneData, LaneFault, LaneReply, LaneRequest } from './tasks.ts';
import { takeParts } from './work.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const { graphsFolder, control, lane, port } = workerData as LaneData;
const unpack = createReceiver();
let workspace: Workspace | null = null;

await answer(async () => {
  workspace = await createWorkspace(await loadGraphs(graphsFolder));
});
for (awaitAsked(control, lane); !isStopped(control); awaitAsked(control, lane)) {
  await answer(async () => {
    const { message } = receiveMessageOnPort(port)!;
    const { task, parts } = unpack(message as Parcel) as LaneRequest;
    await takeParts(workspace!, control, task, parts);
  });
}
sayDone(control, lane);
port.close();

async function answer(work: () => Promise<void>): Promise<void> {
  const send = (reply: LaneReply) => port.postMessage(reply);
  try {
    await work();
  } catch (error) {
    send({ kind: 'fault', fault: describeFault(error) });
  }
  if (sayDone(control, lane)) send({ kind: 'done' });
}

function describeFault(error: unknown): LaneFault {
  if (!(error instanceof Error)) return { message: String(error), sage: null };
  const { message, stack } = error;
  if (!(error instanceof SageError)) return { message, stack, sage: null };
  return { message, stack, sage: { code: error.code, remedy: error.remedy, place: error.place } };
}
