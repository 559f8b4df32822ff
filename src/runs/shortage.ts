import type { Problem } from '../../engine/protocol.ts';

const words = /\bmemory\b|\bstd::bad_alloc\b|\bsignal SIGKILL\b|\bwants \d+ GPUs\b/i;
const codes = ['worker/memory', 'worker/killed', 'worker/devices'];

/** Whether a run failed, by what it says of it, for lack of memory or of GPUs: less at once, or more of them, may help. */
export function endedInShortage(message: string | null): boolean {
  return message !== null && words.test(message);
}

/** Whether a trainer could not begin for the same reason. */
export function isShortage({ code }: Problem): boolean {
  return codes.includes(code);
}

/** The `key=value` of a line, as a person types them. */
export function settingsOf(line: string): string[] {
  return line.split(/[\s,;]+/).filter((word) => word !== '');
}
