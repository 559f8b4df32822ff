import type { Problem, RequestName } from '../../engine/protocol.ts';
import type { EngineError } from './engine.ts';

/** The error of a problem. */
export function engineError(problem: Problem, cause?: unknown): EngineError {
  const error = new Error(problem.message, { cause });
  return Object.assign(error, { name: 'EngineError', problem });
}

export function isEngineError(error: unknown): error is EngineError {
  return error instanceof Error && error.name === 'EngineError' && 'problem' in error;
}

/** Commands of the palette that do what a command line of `sage-grpo` does. */
const palette: readonly (readonly [RegExp, string])[] = [
  [/`?sage-grpo resume \w+ --set KEY=VALUE`?/g, 'SAGE: Resume'],
  [/`?sage-grpo resume \w+ --set ([\w.]+=\w+)`?/g, 'SAGE: Resume with $1'],
  [/`?sage-grpo resume \w+ --from \w+`?/g, 'SAGE: Resume from Checkpoint'],
  [/`?sage-grpo resume \w+`?/g, 'SAGE: Resume'],
  [/`?sage-grpo inspect \w+`?/g, 'SAGE: Open Dashboard'],
  [/`?sage-grpo init( \w+)?`?/g, 'SAGE: New Config'],
  [/`?sage-grpo estimate`?/g, 'SAGE: Estimate Memory and Time'],
  [/`?sage-grpo stop \w+`?/g, 'SAGE: Stop'],
  [/`?sage-grpo list`?/g, 'the list of runs'],
  [/`?sage-grpo doctor( CONFIG)?`?/g, 'SAGE: Doctor'],
  [/`?sage-grpo setup-torch`?/g, 'SAGE: Set Up PyTorch'],
];

/** The engine's advice in the words of the editor: it speaks of its command line. */
export function inEditor(text: string): string {
  return palette.reduce((advice, [line, command]) => advice.replaceAll(line, command), text);
}

/** What an error says to a person, whatever threw it. */
export function problemOf(error: unknown): Problem {
  if (isEngineError(error)) return { ...error.problem, remedy: inEditor(error.problem.remedy) };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, remedy: 'Please report this text.', place: {} };
}

/** Whether a request ended because its signal said so. */
export function isCancelled(error: unknown): boolean {
  return isEngineError(error) && ['cancelled', 'launch-cancelled'].includes(error.problem.code);
}

const seeLog = 'Open the log of the engine to see what happened.';

/** What a request does besides giving an answer, for a person who must find out whether it was done. */
const whereToLook: Partial<Record<RequestName, string>> = {
  'run/launch': 'Look at the list of runs before you launch again: the trainer may have been started.',
  'run/resume': 'Look at the status of the run before you resume again: the trainer may have been started.',
  'run/control': 'Look at the status of the run, then ask again if nothing has changed.',
  'run/kill': 'Look at the status of the run, then ask again if it still runs.',
  'run/report': 'Look for report.html in the run folder, or write the report again.',
};

export const problems = {
  stopped: (): Problem => ({
    code: 'engine-stopped',
    message: 'The engine was stopped.',
    remedy: 'Start it again.',
    place: {},
  }),
  cancelled: (): Problem => ({ code: 'cancelled', message: 'The request was cancelled.', remedy: '', place: {} }),
  notStarted: (label: string, executable: string, reason: string): Problem => ({
    code: 'engine-not-started',
    message: `The engine cannot be started on ${label} with ${executable}: ${reason}.`,
    remedy: 'Check the path of Node in the setting sage.engine.nodePath, and the folder that is open.',
    place: {},
  }),
  noCommand: (reason: string): Problem => ({
    code: 'engine-not-started',
    message: `The engine cannot be started: ${reason}`,
    remedy: 'Check the settings of SAGE Studio.',
    place: {},
  }),
  /** @param printed its last words, without control characters */
  ended: (how: string, printed: string): Problem => ({
    code: 'engine-ended',
    message: `The engine ended by itself (${how})${printed === '' ? '.' : `. It printed last:\n${printed}`}`,
    remedy: seeLog,
    place: {},
  }),
  silent: (seconds: number): Problem => ({
    code: 'engine-silent',
    message: `The engine did not say hello within ${seconds} s and was ended.`,
    remedy: `${seeLog} A machine under heavy load may need another try.`,
    place: {},
  }),
  hangs: (seconds: number): Problem => ({
    code: 'engine-hangs',
    message: `The engine did not answer for ${seconds} s and was ended.`,
    remedy: 'Trainers go on. Look whether the file system of the runs folder answers.',
    place: {},
  }),
  /** It said something that is not of the protocol. */
  nonsense: (what: string): Problem => ({
    code: 'engine-nonsense',
    message: `The engine does not keep to the protocol and was ended: ${what}`,
    remedy:
      'Check that the Node in the setting sage.engine.nodePath prints nothing of its own, and that SAGE Studio is ' +
      'the same version on both sides.',
    place: {},
  }),
  otherVersion: (ours: number, theirs: number): Problem => ({
    code: 'protocol-version',
    message: `The editor speaks version ${ours} of the protocol, the engine version ${theirs}.`,
    remedy: 'Install the same version of SAGE Studio on both machines.',
    place: {},
  }),
  /** The last of too many failures in a row. */
  gaveUp: (failures: number, last: Problem): Problem => ({
    ...last,
    message: `The engine failed ${failures} times in a row and is not started again. ${last.message}`,
  }),
  outcomeUnknown: (name: RequestName): Problem => ({
    code: 'outcome-unknown',
    message: `The engine ended before it answered ${name}; whether that was done is not known.`,
    remedy: whereToLook[name] ?? seeLog,
    place: {},
  }),
  lost: (name: RequestName): Problem => ({
    code: 'engine-lost',
    message: `The engine ended twice before it answered ${name}.`,
    remedy: seeLog,
    place: {},
  }),
  notReady: (seconds: number): Problem => ({
    code: 'engine-not-ready',
    message: `The engine was not ready within ${seconds} s.`,
    remedy: seeLog,
    place: {},
  }),
};
