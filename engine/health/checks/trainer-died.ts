import type { Check } from '../check.ts';
import { countOf, quoted } from '../wording.ts';

/** A trainer that ended without finishing. */
export const trainerDied: Check = (trail) => {
  let message: string | null = null;
  return {
    see(event) {
      if (event.kind === 'run_finished') message = event.message ?? null;
      else if (event.kind === 'run_resumed') message = null;
    },
    find(status) {
      if (status !== 'crashed' && status !== 'failed') return null;
      const { checkpoint, recent } = trail;
      const done = recent.at(-1)?.iteration ?? trail.iteration;
      const lost = checkpoint === null ? done : Math.max(0, done - checkpoint);
      const after = `after iteration ${done}`;
      const kept =
        checkpoint === null ? 'no checkpoint was written' : `the newest checkpoint is of iteration ${checkpoint}`;
      const loss = lost > 0 ? `${countOf(lost, 'iteration')} of work will be repeated` : 'nothing is lost';
      return {
        severity: 'problem',
        title:
          status === 'crashed'
            ? `The trainer is gone: its process ended without a word ${after}.`
            : `Training failed ${after}${message ? `: ${quoted(message)}` : ''}.`.replace(/\.\.$/, '.'),
        evidence: `Last iteration ${done}; ${kept}.`,
        why: `Nothing trains any more. ${checkpoint === null ? 'Without a checkpoint the run has to start anew' : `From that checkpoint, ${loss}`}.`,
        remedy:
          checkpoint === null
            ? 'Look at engine.log in the run folder for the cause, then launch the config again.'
            : `Resume from the checkpoint of iteration ${checkpoint}; it continues as if it had not been interrupted. Look at engine.log in the run folder for the cause; when memory ran out, lower training.micro_batch. ${lost > 5 ? 'A smaller checkpoints.every loses less.' : ''}`.trim(),
        key: lost > 5 ? 'checkpoints.every' : null,
        ...{ first: done, last: done, steps: [] },
      };
    },
  };
};
