import { SageError } from '../../errors.ts';
import { namedInVain, type PassedOver } from '../../python.ts';
import type { WorkerFault } from './messages.ts';

/** How a worker's process ended. */
export interface WorkerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What is known of a worker when something went wrong. */
export interface Circumstances {
  /** What it was at, as in "while it sampled videos". */
  doing: string;
  /** The last lines of its stderr. */
  lines: readonly string[];
  /** File that has all of them. */
  log: string | null;
}

const lessMemory =
  'Take less at once: resume the run with a smaller training.micro_batch, policy.activation_checkpointing: true or more ' +
  'policy.devices, which a resume can set. Fewer sampling.frames or pixels, or policy.adapter.kind: lora, take a new run.';
const setUp = 'Make a Python environment with all that the worker needs.';
const advice = [{ action: 'setup-torch' }] as const;
const seeLog = ({ log }: Circumstances) => (log === null ? '' : ` All of its output is in ${log}.`);

const memoryWords =
  /out of memory|OutOfMemoryError|can't allocate memory|cannot allocate memory|MemoryError|std::bad_alloc/i;

/** The worker's process is gone. */
export function workerDied(end: WorkerEnd, at: Circumstances): SageError {
  const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
  const message = `The worker ended (${how}) while it ${at.doing}.${lastWords(at.lines)}`;
  const missing = /(?:ModuleNotFoundError|ImportError): (.*)/.exec(at.lines.join('\n'));
  if (missing) return new SageError('worker/import', message, setUp, { advice });
  if (at.lines.some((line) => memoryWords.test(line))) return new SageError('worker/memory', message, lessMemory);
  const rank = killedRank(at.lines);
  if (end.signal === 'SIGKILL' || rank !== null)
    return new SageError(
      'worker/killed',
      rank === null ? message : `Rank ${rank} was killed. ${message}`,
      `Nobody but the system or a person kills a worker so. Where it was the system, memory ran out (see \`dmesg\`): ${lessMemory}`,
    );
  return new SageError('worker/died', message, `Resume the run from its last checkpoint.${seeLog(at)}`);
}

/** The rank of which torchrun says that SIGKILL ended it; the others end after it, for want of it. */
function killedRank(lines: readonly string[]): string | null {
  return /^\s*rank\s*: (\d+) .*\n\s*exitcode\s*: -9\b/m.exec(lines.join('\n'))?.[1] ?? null;
}

function lastWords(lines: readonly string[]): string {
  const last = lines.filter((line) => line.trim() !== '').slice(-6);
  return last.length > 0 ? ` Its last words were:\n${last.map((line) => `  ${line}`).join('\n')}` : ' It said nothing.';
}

/** The worker is there and reports a fault. */
export function workerFailed(fault: WorkerFault, at: Circumstances): SageError {
  if (fault.kind === 'user') return new SageError(fault.code, fault.message, fault.remedy);
  if (fault.kind === 'memory')
    return new SageError(
      'worker/memory',
      `Memory ran out while the worker ${at.doing}: ${fault.message}.`,
      fault.remedy === '' ? lessMemory : fault.remedy,
    );
  return new SageError(
    fault.code,
    `The worker failed while it ${at.doing}: ${fault.message}`,
    `This is a defect of the program. Report it with the trace.${seeLog(at)}`,
  );
}

/** Nothing has come from the worker for so long that it must hang. */
export function workerSilent(seconds: number, at: Circumstances): SageError {
  return new SageError(
    'worker/silent',
    `The worker has not been heard of for ${seconds} s while it ${at.doing}.${lastWords(at.lines)}`,
    'It was ended. A driver or a machine that hangs is the likeliest cause; then resume the run.',
  );
}

/** What came over the wire is no message. */
export function workerGarbled(what: string, at: Circumstances): SageError {
  return new SageError(
    'worker/garbled',
    `The worker sent what is no message while it ${at.doing}: ${what}.`,
    `It was ended. Does something else write to its connection, or is it of another version? Then resume the run.${seeLog(at)}`,
  );
}

/** The worker is of another version. */
export function wrongVersion(theirs: number, ours: number): SageError {
  return new SageError(
    'worker/version',
    `The Python worker speaks version ${theirs} of the protocol and this program version ${ours}.`,
    'Is another sage_worker installed in this Python, or on PYTHONPATH? Remove it: the worker comes with the program.',
  );
}

/** There is no Python that could run a worker. */
export function noPython(tried: readonly PassedOver[]): SageError {
  const vain = namedInVain(tried);
  if (vain !== null) return new SageError('worker/python', `${vain.fault}.`, vain.remedy);
  const reasons = tried.map(({ python, reason }) => `${python}: ${reason}`).join('; ');
  return new SageError(
    'worker/python',
    `No Python with torch was found${reasons === '' ? '' : ` (${reasons})`}.`,
    'Make a Python environment with it, or name a Python that has torch in SAGE_PYTHON.',
    { advice },
  );
}
