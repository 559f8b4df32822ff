import type { Progress } from '../training/context.ts';

/** Where progress is shown. */
export interface ProgressOutput {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

export interface ProgressView {
  show(progress: Progress): void;
  /** Prints a line of its own, above the live line. */
  line(text: string): void;
  /** Ends the live line. */
  close(): void;
}

const barWidth = 24;

/**
 * Shows training on a terminal as one live line with a bar, the time left and the reward, elsewhere as one plain line an
 * iteration.
 * @param iterations planned iterations of the run
 */
export function createProgressView(output: ProgressOutput, iterations: number): ProgressView {
  return output.isTTY ? liveView(output, iterations) : plainView(output, iterations);
}

function plainView(output: ProgressOutput, iterations: number): ProgressView {
  const pace = createPace();
  const line = (text: string) => void output.write(`${text}\n`);
  return {
    line,
    close: () => {},
    show(progress) {
      if (progress.stage === 'evaluated') line(evaluationText(progress));
      if (progress.stage !== 'iteration') return;
      pace.add(progress.seconds);
      const { iteration, reward, seconds } = progress;
      line(
        `iteration ${iteration}/${iterations}  reward ${reward.toFixed(4)}  ${seconds.toFixed(1)} s` +
          `  ${duration(pace.left(iterations - iteration))} left`,
      );
    },
  };
}

const stageNames = {
  encode: 'encoding prompts',
  evaluate: 'evaluating',
  rollout: 'sampling rollouts',
  score: 'scoring',
  update: 'updating',
  checkpoint: 'saving checkpoint',
} as const;

function liveView(output: ProgressOutput, iterations: number): ProgressView {
  const pace = createPace();
  let live = '';
  let iteration = 0;
  let reward: number | null = null;
  const draw = (text: string) => {
    live = text.slice(0, Math.max(20, (output.columns || 80) - 1));
    output.write(`\r\x1b[2K${live}`);
  };
  const line = (text: string) => {
    output.write(`\r\x1b[2K${text}\n`);
    if (live) output.write(live);
  };
  const summary = (doing: string) => {
    const left = pace.left(iterations - iteration);
    return (
      `${bar(iteration / iterations)} ${iteration}/${iterations}` +
      (reward === null ? '' : `  reward ${reward.toFixed(4)}`) +
      (left === null ? '' : `  ${duration(left)} left`) +
      `  ${doing}`
    );
  };
  return {
    line,
    close() {
      if (live) output.write('\n');
      live = '';
    },
    show(progress) {
      if (progress.stage === 'iteration') {
        pace.add(progress.seconds);
        ({ iteration, reward } = progress);
        draw(summary(`${progress.seconds.toFixed(1)} s an iteration`));
      } else if (progress.stage === 'evaluated') {
        line(evaluationText(progress));
      } else {
        iteration = Math.max(iteration, progress.iteration - (progress.stage === 'evaluate' ? 0 : 1));
        const part = progress.of ? ` ${progress.done}/${progress.of}` : '';
        draw(summary(`${stageNames[progress.stage]}${part}`));
      }
    },
  };
}

function evaluationText(progress: Extract<Progress, { stage: 'evaluated' }>): string {
  const components = Object.entries(progress.components).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  const watched = Object.entries(progress.heldOut ?? {}).map(
    ([name, value]) => `  held-out ${name} ${value.toFixed(3)}`,
  );
  const distance = progress.distance === null ? '' : `  manifold distance ${progress.distance.toFixed(4)}`;
  return `evaluation at ${progress.iteration}: reward ${progress.reward.toFixed(4)}  (${components.join('  ')})${watched.join('')}${distance}`;
}

/** Mean of the last iterations' seconds: early ones, with caches cold, soon leave the estimate. */
function createPace() {
  const recent: number[] = [];
  return {
    add(seconds: number) {
      recent.push(seconds);
      if (recent.length > 10) recent.shift();
    },
    left(iterations: number): number | null {
      if (recent.length === 0) return null;
      return (iterations * recent.reduce((sum, seconds) => sum + seconds, 0)) / recent.length;
    },
  };
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
}

/** `1 h 05 min`, `3 min 20 s`, `45 s`; `?` where unknown. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '?';
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${whole} s`;
}
