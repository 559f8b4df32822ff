import type { RunLook } from './looks.ts';

/** The letter of a run over its line. */
export function RunMark({ look }: { look: RunLook }) {
  return (
    <span class={`run-mark run-colour-${look.colour}`}>
      <b>{look.letter}</b>
      <svg width="28" height="4" viewBox="0 0 28 4" aria-hidden="true">
        <line
          x1="0"
          y1="2"
          x2="28"
          y2="2"
          stroke="currentColor"
          stroke-width="3"
          stroke-dasharray={look.dash.join(' ')}
        />
      </svg>
    </span>
  );
}

/** A run by its mark and id. */
export function RunName({ look }: { look: RunLook }) {
  return (
    <span class="run-name">
      <RunMark look={look} /> <span>{look.id}</span>
    </span>
  );
}
