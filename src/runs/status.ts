import type { RunGlance } from '../../engine/protocol.ts';
import { durationText, labelOf, progressText, rewardText, secondsLeft } from './describe.ts';
import { kindOf, traitsOf } from './kinds.ts';
import type { Words } from './words.ts';

/** What the status bar shows; null: nothing. */
export interface StatusLine {
  /** The run it speaks of. */
  run: string;
  text: string;
  /** For screen readers: whole words. */
  label: string;
  /** How many runs a trainer has. */
  active: number;
}

/** The run of the dashboard in front if a trainer has it, else the newest that one has. */
export function statusLine(runs: readonly RunGlance[], front: string | null, words: Words): StatusLine | null {
  const active = runs.filter((run) => traitsOf(run).includes('active'));
  const run = active.find(({ id }) => id === front) ?? active.find((each) => kindOf(each) === 'running') ?? active[0];
  if (run === undefined) return null;
  const left = secondsLeft(run);
  const paused = kindOf(run) === 'paused';
  const more = active.length > 1 ? ` (+${active.length - 1})` : '';
  const reward = run.reward === null ? [] : [words.t('reward {0}', rewardText(run.reward))];
  const time = left === null ? [] : [durationText(left, words)];
  const shown = [`${labelOf(run)} ${progressText(run)}`, ...reward, ...(paused ? [words.t('paused')] : time)];
  const spoken = [
    words.t('SAGE run {0}', labelOf(run)),
    words.t('iteration {0}', progressText(run)),
    ...reward,
    ...(paused ? [words.t('paused')] : time.map((text) => words.t('{0} left', text))),
    ...(active.length > 1 ? [words.t('{0} runs are active', active.length)] : []),
  ];
  return { run: run.id, text: `SAGE: ${shown.join(' · ')}${more}`, label: spoken.join(', '), active: active.length };
}
