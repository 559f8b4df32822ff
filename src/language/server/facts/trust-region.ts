import { klOptions } from '../../../../engine/config/plan.ts';
import { createKlController, stepKlController } from '../../../../engine/method/trust-region.ts';
import { count, countOf, figure, listOf } from '../figures.ts';
import { planNeeds, type Fact, type Here } from './here.ts';

/** Refreshes whose iteration is named. */
const named = 3;

function refreshes({ plan, config }: Here): string | null {
  const { mode, interval } = config.trust_region.anchor;
  if (mode === 'none') return 'There is no anchor.';
  if (mode === 'fixed') return 'The anchor is the model as it was before the first iteration, for the whole run.';
  if (plan === null) return null;
  const total = plan.updates * config.training.iterations;
  const times = Math.floor(total / interval);
  const every = `The anchor is refreshed every ${countOf(interval, 'update')}, of which an iteration makes ${count(plan.updates)}`;
  if (times === 0) return `${every}: never, since the run makes only ${count(total)}.`;
  const first = Array.from({ length: Math.min(named, times) }, (_, i) =>
    Math.ceil(((i + 1) * interval) / plan.updates),
  );
  const iterations = [...new Set(first)];
  const more = times > named ? ` … (${count(times)} times in the run)` : '';
  const where = `iteration${iterations.length === 1 && more === '' ? '' : 's'}`;
  return `${every}: in ${where} ${more === '' ? listOf(iterations) : iterations.map(count).join(', ')}${more}.`;
}

/** β of the first call after the ramp, by the controller itself. */
function rampEnd(config: Here['config']): number {
  const options = klOptions(config);
  const state = createKlController(options);
  if (options.rampCalls === 0) return state.beta;
  return stepKlController({ ...state, calls: options.rampCalls - 1 }, NaN, options).beta;
}

function ramp({ plan, config }: Here): string {
  const { ramp_calls: calls, initial } = config.trust_region.beta;
  const end = figure(rampEnd(config));
  if (calls === 0) return `β begins at ${end}, without a ramp.`;
  const rise = `β rises from ${figure(initial)} to ${end} over ${countOf(calls, 'replay')}`;
  if (plan === null) return `${rise}.`;
  const iteration = Math.ceil(calls / plan.replays);
  const beyond = iteration > config.training.iterations ? ', beyond the end of the run' : '';
  return `${rise}, of which an iteration makes ${count(plan.replays)}: until iteration ${count(iteration)}${beyond}.`;
}

function afterRamp({ config }: Here): string {
  const { controller, minimum, weight, target } = config.trust_region.beta;
  if (controller === 'constant') return `Then it stays at ${figure(weight)}.`;
  const [above, below] = [figure(1.5 * target), figure(0.5 * target)];
  const [high, low] = controller === 'adaptive' ? ['grows', 'shrinks'] : ['shrinks', 'grows'];
  return `Then it ${high} while KL is above ${above} and ${low} while it is below ${below}, between ${figure(minimum)} and ${figure(weight)}.`;
}

function term(which: 'anchor' | 'stepwise') {
  return ({ config }: Here): string | null => {
    const { anchor, stepwise } = config.trust_region;
    const off = which === 'anchor' ? anchor.mode === 'none' : stepwise.estimator === 'none';
    const { weight } = which === 'anchor' ? anchor : stepwise;
    if (off) return 'The term is absent.';
    const end = rampEnd(config);
    return `After the ramp the term counts β × weight = ${figure(end)} × ${figure(weight)} = ${figure(end * weight)}.`;
  };
}

const regionNeeds = [...planNeeds, 'training.iterations', 'trust_region'];
const anchor: Fact = { needs: regionNeeds, say: (here) => [refreshes(here)] };
const strength: Fact = { needs: regionNeeds, say: (here) => [ramp(here), afterRamp(here)] };
const weightOf = (which: 'anchor' | 'stepwise'): Fact => ({
  needs: ['trust_region'],
  say: (here) => [term(which)(here)],
});

/** Facts of the trust region. */
export const trustRegionFacts: Record<string, Fact> = {
  trust_region: { needs: regionNeeds, say: (here) => [refreshes(here), ramp(here)] },
  'trust_region.anchor': anchor,
  'trust_region.anchor.mode': anchor,
  'trust_region.anchor.interval': anchor,
  'trust_region.anchor.weight': weightOf('anchor'),
  'trust_region.stepwise.weight': weightOf('stepwise'),
  ...Object.fromEntries(
    ['', '.controller', '.initial', '.minimum', '.weight', '.target', '.ramp_calls'].map((name) => [
      `trust_region.beta${name}`,
      strength,
    ]),
  ),
};
