import { SageError } from '../errors.ts';
import { errnoOf } from './disk.ts';
import { lockState, processStart } from './lock.ts';

const patience = 10_000;

function signal(pid: number): void {
  try {
    // A trainer that was launched detached leads a group, with its workers in it.
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!['ESRCH', 'EPERM', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
    process.kill(pid, 'SIGKILL');
  }
}

/**
 * Ends the trainer of a run at once, with all processes of its group, and waits until it is gone. The run then counts as
 * crashed.
 * @throws SageError `run/no-trainer`, or `trainer/not-killed` when it is on another machine, not ours, or does not go
 */
export async function killTrainer(folder: string): Promise<{ pid: number }> {
  const place = { file: folder };
  const { held, elsewhere, record } = await lockState(folder);
  if (!held || !record) throw new SageError('run/no-trainer', `No trainer runs ${folder}.`, '', { place });
  const { pid, host } = record;
  const failed = (why: string, remedy: string, cause?: unknown) =>
    new SageError('trainer/not-killed', `The trainer (process ${pid}) cannot be ended from here: ${why}.`, remedy, {
      place,
      cause,
    });
  if (elsewhere) throw failed(`it runs on ${host} or in another container`, 'End it there.');
  try {
    signal(pid);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw failed('the system refused', `Its owner can: kill -9 ${pid}`, error);
  }
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20)))
    if (!(await lockState(folder)).held || (await processStart(pid)) === null) return { pid };
  throw failed(`it was still there after ${patience / 1000} s`, 'It may wait for a disk or a device; try again.');
}
