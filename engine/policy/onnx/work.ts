import { stepAdamWBlock } from './adamw.ts';
import { takePart, type Control } from './control.ts';
import { decodePart } from './decode.ts';
import { addGradientBlock } from './gradient.ts';
import { replayPart } from './replay-part.ts';
import { samplePart } from './sample.ts';
import type { LaneTask } from './tasks.ts';
import type { Workspace } from './workspace.ts';

/** Does parts of the task until none is left to take. */
export async function takeParts(workspace: Workspace, control: Control, task: LaneTask, parts: number): Promise<void> {
  for (let part = takePart(control, parts); part !== null; part = takePart(control, parts)) {
    if (task.kind === 'sample') await samplePart(workspace, task, parts, part);
    else if (task.kind === 'decode') await decodePart(workspace, task, parts, part);
    else if (task.kind === 'replay') await replayPart(workspace, task, parts, part);
    else if (task.kind === 'sum') addGradientBlock(task, parts, part);
    else stepAdamWBlock(task, parts, part);
  }
}
