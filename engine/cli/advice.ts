import path from 'node:path';
import type { Advice } from '../advice.ts';

/** The command line that does what is advised, without the folder of the runs where it is the usual one. */
export function commandLine(advice: Advice): string {
  switch (advice.action) {
    case 'resume':
      return `sage-grpo resume ${named(advice.run)}${advice.from === undefined ? '' : ` --from ${advice.from}`}`;
    case 'resume-from':
      return `sage-grpo resume ${named(advice.run)} --from ITERATION`;
    case 'inspect':
    case 'stop':
      return `sage-grpo ${advice.action} ${named(advice.run)}`;
    case 'estimate':
      return 'sage-grpo estimate CONFIG';
    default:
      return `sage-grpo ${advice.action}`;
  }
}

/** What is advised, a command on each line, below a remedy. */
export function commandLines(advice: readonly Advice[] = []): string[] {
  return advice.map((each) => `    ${commandLine(each)}`);
}

/** A run by its name where commands look for it, else by its folder. */
function named(folder: string): string {
  const usual = path.resolve('runs', path.basename(folder)) === path.resolve(folder);
  const name = usual ? path.basename(folder) : folder;
  return /^[\w./:\\@+-]+$/.test(name) ? name : `"${name}"`;
}
