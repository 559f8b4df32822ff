import { previewExploration, type KernelPreview } from '../../../../engine/config/exploration.ts';
import { excessEnergy, exploredSteps } from '../../../../engine/method/kernels.ts';
import { maxSteps, sigmaSchedule } from '../../../../engine/method/schedule.ts';
import { countOf, stepsText } from '../figures.ts';
import { kernelNeeds, type Fact, type Here } from './here.ts';

/** What the first explored step injects. */
export function firstStep({ table, config }: Here): string | null {
  const explored = table === null ? [] : exploredSteps(table);
  if (table === null || explored.length === 0) return null;
  const k = explored[0];
  const { sigmaNext, s } = table.steps[k];
  const excess = excessEnergy(table)[k];
  const ratio = excess === null ? '' : `; excess over the exact integral ${excess.toFixed(2)}×`;
  const angle =
    config.exploration.kernel === 'cps' ? ' For cps η is an angle, so the ratio only compares kernels.' : '';
  const after = k === 0 ? 'the first step' : `step ${k}`;
  return `σ after ${after} ${sigmaNext.toFixed(3)}; injected std ${s.toFixed(3)}${ratio}.${angle}`;
}

/** How the noise goes over the explored steps. */
function spread({ table }: Here): string | null {
  const explored = table === null ? [] : exploredSteps(table);
  if (table === null || explored.length < 2) return null;
  const byNoise = explored.toSorted((i, j) => table.steps[i].s - table.steps[j].s);
  const [least, most] = [byNoise[0], byNoise.at(-1)!];
  const std = (k: number) => `${table.steps[k].s.toFixed(3)} at step ${k}`;
  return `Over ${stepsText(explored)} the injected std lies between ${std(least)} and ${std(most)}.`;
}

/** Which steps are explored and trained. */
export function exploredText({ table, config }: Here): string | null {
  if (table === null) return null;
  const { steps } = config.sampling;
  const explored = exploredSteps(table);
  if (explored.length === 0) return `None of the ${countOf(steps, 'step')} is explored, so nothing can be trained.`;
  const [first, last] = [explored[0], explored.at(-1)!];
  const sigma = (k: number) => Number(table.sigmas[k].toFixed(3));
  const rest = steps - explored.length;
  const others = rest === 0 ? '' : rest === 1 ? '; the other follows the ODE' : `; the other ${rest} follow the ODE`;
  const what = `${explored.length} of ${countOf(steps, 'step')} ${explored.length === 1 ? 'is' : 'are'} explored and trained`;
  return `${what} (${stepsText(explored)}, σ from ${sigma(first)} to ${sigma(last + 1)})${others}.`;
}

function schedule({ config: { sampling } }: Here): string {
  const sigmas = sigmaSchedule(sampling.steps, sampling.shift);
  if (sampling.steps === 1) return 'σ falls from 1 to 0 in the only step.';
  const half = Math.floor(sampling.steps / 2);
  const [first, middle, last] = [sigmas[1], sigmas[half], sigmas[sampling.steps - 1]].map((sigma) => sigma.toFixed(3));
  const between = sampling.steps < 4 ? '' : `is ${middle} after ${half} of ${sampling.steps} steps, `;
  return `σ falls from 1 to ${first} in the first step, ${between}and from ${last} to 0 in the last.`;
}

function mostSteps({ config: { sampling, exploration } }: Here): string | null {
  if (exploration.kernel !== 'sage' || exploration.clamp_both_ends) return null;
  const most = maxSteps(sampling.shift, exploration.sigma_max);
  return `At this shift and sigma_max the kernel is valid for at most ${countOf(most, 'step')}.`;
}

/** The kernels beside each other at this η. */
function kernels({ config }: Here): string | null {
  const preview = previewExploration(config);
  const chosen = preview?.kernels.find(({ kernel }) => kernel === preview.kernel)?.steps;
  const explored = chosen?.flatMap((step, k) => (step.explored ? [k] : [])) ?? [];
  if (!preview || explored.length === 0) return null;
  const [first, last] = [explored[0], explored.at(-1)!];
  const head = `| kernel | std at step ${first} | at step ${last} | excess at step ${last} |\n| --- | --- | --- | --- |`;
  const cells = ({ kernel, steps }: KernelPreview) => {
    const excess = steps?.[last].excessEnergy ?? null;
    const numbers = steps === null ? ['not valid at this η', '', ''] : [steps[first].s, steps[last].s];
    const shown = numbers.map((cell) => (typeof cell === 'number' ? cell.toFixed(3) : cell));
    if (steps !== null) shown.push(excess === null ? '' : `${excess.toFixed(2)}×`);
    return `| ${kernel === preview.kernel ? `**${kernel}**` : kernel} | ${shown.join(' | ')} |`;
  };
  return [head, ...preview.kernels.map(cells)].join('\n');
}

const noise: Fact = { needs: kernelNeeds, say: (here) => [firstStep(here), spread(here)] };
const which: Fact = { needs: kernelNeeds, say: (here) => [exploredText(here)] };

/** Facts of the schedule and of exploration. */
export const explorationFacts: Record<string, Fact> = {
  'sampling.steps': { needs: kernelNeeds, say: (here) => [schedule(here), exploredText(here), mostSteps(here)] },
  'sampling.shift': { needs: kernelNeeds, say: (here) => [schedule(here), mostSteps(here)] },
  exploration: { needs: kernelNeeds, say: (here) => [exploredText(here), firstStep(here), spread(here)] },
  'exploration.kernel': { ...noise, table: kernels },
  'exploration.eta': noise,
  'exploration.sigma_max': { needs: kernelNeeds, say: (here) => [firstStep(here), mostSteps(here)] },
  'exploration.last_step': which,
  'exploration.window': which,
  'exploration.window.first': which,
  'exploration.window.last': which,
  'exploration.clamp_both_ends': { needs: kernelNeeds, say: (here) => [mostSteps(here), exploredText(here)] },
};
