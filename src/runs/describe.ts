import type { RunGlance } from '../../engine/protocol.ts';
import { kindOf, type RunKind } from './kinds.ts';
import { withoutLinks } from './links.ts';
import type { Words } from './words.ts';

/**
 * The name a run was given, or its id where it cannot be read. Anyone may have written the folder: nothing in it is a link where
 * it is shown.
 */
export function labelOf(run: RunGlance): string {
  return withoutLinks(run.name ?? run.id);
}

export function statusText(kind: RunKind, words: Words): string {
  const texts: Record<RunKind, string> = {
    running: words.t('running'),
    paused: words.t('paused'),
    stopped: words.t('stopped'),
    finished: words.t('finished'),
    failed: words.t('failed'),
    crashed: words.t('crashed'),
    broken: words.t('cannot be read'),
  };
  return texts[kind];
}

/** `23/60`, or `23` where the number of iterations is not known. */
export function progressText({ iterations, iterationsPlanned }: RunGlance): string {
  return iterationsPlanned === null ? String(iterations) : `${iterations}/${iterationsPlanned}`;
}

export function rewardText(reward: number): string {
  return reward.toFixed(2);
}

/** Seconds until the run ends if each iteration takes as long as the last one; null unless it runs and that is known. */
export function secondsLeft(run: RunGlance): number | null {
  const { iterations, iterationsPlanned, secondsPerIteration } = run;
  if (kindOf(run) !== 'running' || iterationsPlanned === null || secondsPerIteration === null) return null;
  return Math.max(0, iterationsPlanned - iterations) * secondsPerIteration;
}

/** A duration in its largest unit, or in two below ten hours: `40 s`, `2 min`, `1 h 20 min`, `3 d`. */
export function durationText(seconds: number, words: Words): string {
  if (seconds < 60) return words.t('{0} s', Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return words.t('{0} min', minutes);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return words.t('{0} d', Math.round(minutes / (24 * 60)));
  if (hours >= 10 || minutes % 60 === 0) return words.t('{0} h', Math.round(minutes / 60));
  return words.t('{0} h {1} min', hours, minutes % 60);
}

/** How long ago a time (ISO 8601) was, at `now` (ms since 1970). */
export function ageText(time: string, now: number, words: Words): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (!Number.isFinite(seconds)) return time;
  return seconds < 60 ? words.t('just now') : words.t('{0} ago', durationText(seconds, words));
}

/** Beside a run's name: `iteration 23/60 · reward 1.31 · 2 min left`, `crashed · 23/60 · …`, `60 iterations · …`. */
export function descriptionOf(run: RunGlance, words: Words): string {
  const kind = kindOf(run);
  if (run.broken !== null) return words.t('cannot be read: {0}', run.broken.replaceAll(`${run.folder}/`, ''));
  if (kind === 'broken') return statusText(kind, words);
  const left = secondsLeft(run);
  const status = kind === 'running' || kind === 'finished' ? [] : [statusText(kind, words)];
  const reward = run.reward === null ? [] : [words.t('reward {0}', rewardText(run.reward))];
  const time = left === null ? [] : [words.t('{0} left', durationText(left, words))];
  return [...status, doneText(run, words), ...reward, ...time].join(' · ');
}

function doneText(run: RunGlance, words: Words): string {
  const kind = kindOf(run);
  if (kind === 'finished') return words.t('{0} iterations', run.iterations);
  return kind === 'running' ? words.t('iteration {0}', progressText(run)) : progressText(run);
}

/** The same with status and age: for lists to choose from. */
export function pickDescription(run: RunGlance, now: number, words: Words): string {
  const kind = kindOf(run);
  const status = kind === 'running' || kind === 'finished' ? [statusText(kind, words)] : [];
  const age = run.created === null ? [] : [ageText(run.created, now, words)];
  return [...status, descriptionOf(run, words), ...age].join(' · ');
}

/** The same for screen readers, to which icons say nothing. */
export function spokenDescription(run: RunGlance, words: Words): string {
  return `${labelOf(run)}, ${statusText(kindOf(run), words)}, ${descriptionOf(run, words)}`;
}

/** Text that says the same when it is read as Markdown: nothing in it becomes a link, HTML, an image or an icon. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/[\\`*_{}[\]()#+\-.!|~$@:/]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** What is known of a run, as Markdown. */
export function tooltipOf(run: RunGlance, now: number, words: Words): string {
  const kind = kindOf(run);
  const line = (name: string, value: string | null) =>
    value === null ? [] : [`${escapeMarkdown(name)} ${escapeMarkdown(value)}`];
  const perIteration = run.secondsPerIteration;
  return [
    `**${escapeMarkdown(labelOf(run))}** ${escapeMarkdown(descriptionOf(run, words))}`,
    ...(run.message === null ? [] : [escapeMarkdown(run.message)]),
    ...line(
      words.t('Created:'),
      run.created && `${new Date(run.created).toLocaleString()} (${ageText(run.created, now, words)})`,
    ),
    ...line(words.t('Last event:'), kind === 'running' && run.updated ? ageText(run.updated, now, words) : null),
    ...line(words.t('Each iteration:'), perIteration === null ? null : words.t('{0} s', perIteration.toPrecision(2))),
    ...line(words.t('Folder:'), run.folder),
  ].join('\n\n');
}

/** A number of bytes as people read it. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
