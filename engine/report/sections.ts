import type { HealthFinding } from '../protocol/view.ts';
import type { EventOf, RunEvent } from '../run/events.ts';
import { formatNumber } from './format.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import type { Comparison, HealthItem } from './summary.ts';

/** The evaluations before and after: how much of the room was closed, and a table of every measure. */
export function comparisonSection(
  rows: Comparison[],
  evaluations: EventOf<'evaluation'>[],
  room: { share: number; ceiling: number } | null,
): Html | null {
  if (rows.length === 0) return null;
  const [first, last] = [evaluations[0], evaluations[evaluations.length - 1]];
  const best = evaluations.reduce((most, e) => (e.reward > most.reward ? e : most));
  const earlier = best.iteration !== last.iteration && best.reward > last.reward;
  return html`${room && roomBar(first.reward, last.reward, room)}
    <div class="wide">
      <table class="comparison">
        <caption>
          Evaluation of ${last.videos} videos with fixed prompts and seeds.
          ${earlier && `The best was at iteration ${best.iteration}, with reward ${formatNumber(best.reward)}.`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col" class="number">Before</th>
            <th scope="col" class="number">After</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(comparisonRow)}
        </tbody>
      </table>
    </div>`;
}

function comparisonRow({ name, note, before, after, verdict }: Comparison): Html {
  const change = after - before;
  const arrow = verdict === 'same' ? '→' : change > 0 ? '↑' : '↓';
  const size = verdict === 'same' ? '' : ` by ${formatNumber(Math.abs(change), 2)}`;
  const direction = verdict === 'same' ? 'unchanged' : `${change > 0 ? 'up' : 'down'}${size}`;
  return html`<tr>
    <th scope="row">${name} ${note !== '' && html`<small>${note}</small>`}</th>
    <td class="number">${formatNumber(before)}</td>
    <td class="number strong">${formatNumber(after)}</td>
    <td class="verdict verdict-${verdict}">
      <span aria-hidden="true">${arrow}</span> ${direction}${verdict !== 'same' && `, ${verdict}`}
    </td>
  </tr>`;
}

/** Where the label of the bar stands; a rule of the page's style, since inline styles are not allowed. */
export function roomStyle(room: { share: number } | null): string {
  return room ? `.room-after{left:${(Math.min(0.85, Math.max(0.15, room.share)) * 100).toFixed(1)}%}\n` : '';
}

/** A bar from the reward before training to that of flawless videos, filled as far as training came. */
function roomBar(before: number, after: number, room: { share: number; ceiling: number }): Html {
  const filled = Math.min(1, Math.max(0, room.share)) * 100;
  return html`<figure class="room">
    <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="room-all" width="100" height="4" />
      <rect class="room-closed" width="${filled.toFixed(2)}" height="4" />
    </svg>
    <figcaption>
      <span>before <b>${formatNumber(before)}</b></span>
      <span class="room-after">after <b>${formatNumber(after)}</b></span>
      <span>flawless videos <b>${formatNumber(room.ceiling)}</b></span>
    </figcaption>
  </figure>`;
}

const states: Record<HealthItem['state'], { sign: string; word: string }> = {
  good: { sign: '✓', word: 'good' },
  attention: { sign: '!', word: 'look at this' },
  plain: { sign: '·', word: 'for information' },
};

/** The numbers that tell whether the run can be trusted. */
export function healthSection(items: HealthItem[]): Html | null {
  if (items.length === 0) return null;
  return html`<h3>Can it be trusted?</h3>
    <ul class="health">
      ${items.map(
        ({ name, value, state, note }) =>
          html`<li class="health-${state}">
            <span class="sign" aria-hidden="true">${states[state].sign}</span>
            <p>
              <span class="name">${name}<span class="unseen"> (${states[state].word})</span></span>
              <b>${value}</b> <small>${note}</small>
            </p>
          </li>`,
      )}
    </ul>`;
}

/** What is wrong with the run, the worst first: the same that the dashboard shows. */
export function findingList(findings: readonly HealthFinding[]): Html | null {
  if (findings.length === 0) return null;
  return html`<h3>What to look at</h3>
    <ul class="warnings findings">
      ${findings.map(
        ({ code, severity, title, evidence, why, remedy }) =>
          html`<li class="finding-${severity}">
            <strong>${title}</strong> ${evidence} ${why}
            <p>${remedy}</p>
            <small>${severity}, ${code}</small>
          </li>`,
      )}
    </ul>`;
}

/** Warnings of one code and remedy stand once, with how often and where they came first. */
export function warningList(events: readonly RunEvent[]): Html | null {
  const groups = new Map<string, { event: EventOf<'warning'>; count: number }>();
  for (const event of events) {
    if (event.kind !== 'warning') continue;
    const group = groups.get(event.code);
    if (group) group.count += 1;
    else groups.set(event.code, { event, count: 1 });
  }
  if (groups.size === 0) return null;
  return html`<ul class="warnings">
    ${[...groups.values()].map(
      ({ event, count }) =>
        html`<li>
          <strong>${event.message}</strong> ${event.remedy}
          <small>${event.code}${count > 1 && `, ${count} times`}, first at iteration ${event.iteration}</small>
        </li>`,
    )}
  </ul>`;
}
