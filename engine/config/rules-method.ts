import { MethodError } from '../method/errors.ts';
import { exploredSteps, kernelTable, type KernelOptions } from '../method/kernels.ts';
import type { Fix } from './diagnostics.ts';
import { likely, removeKey, setKey } from './fixes.ts';
import { faultFixes, scheduleFixes } from './kernel-fixes.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { Config } from './schema.ts';
import { flowText } from './text.ts';

/** The options from which a run's kernel table is built. */
export function kernelOptions({ sampling, exploration }: Config): KernelOptions {
  return {
    kernel: exploration.kernel,
    steps: sampling.steps,
    shift: sampling.shift,
    eta: exploration.eta,
    sigmaMax: exploration.sigma_max,
    lastStep: exploration.last_step,
    window: exploration.window,
    clampBothEnds: exploration.clamp_both_ends,
  };
}

/** Number of explored steps of a config; null where its kernel is not valid. */
export function countExplored(config: Config): number | null {
  try {
    return exploredSteps(kernelTable(kernelOptions(config))).length;
  } catch (error) {
    if (error instanceof MethodError) return null;
    throw error;
  }
}

/** Keys that decide which steps are explored. */
export const kernelKeys = ['policy.model', 'sampling.steps', 'sampling.shift', 'exploration'];

/** What a fault depends on besides its own key; it is only told when all of that was accepted by itself. */
const causes: Record<string, string[]> = {
  'steps-too-many': ['sampling.shift', 'exploration.sigma_max', 'exploration.kernel', 'exploration.clamp_both_ends'],
  'window-outside-schedule': ['sampling.steps'],
};

/** The method names one fault at a time; each is put right in a copy to find the next. */
function checkKernel(context: RuleContext): void {
  const options = kernelOptions(context.config);
  for (let fault = 0; fault < 6; fault++) {
    try {
      kernelTable(options);
      return;
    } catch (error) {
      if (!(error instanceof MethodError)) throw error;
      if (context.valid('policy.model', error.key, ...(causes[error.code] ?? []))) reportFault(error, context);
      if (!correct(options, error)) return;
    }
  }
}

function correct(options: KernelOptions, { key, nearest, code }: MethodError): boolean {
  if (code === 'steps-too-many') options.clampBothEnds = true;
  else if (key === 'exploration.eta') options.eta = nearest as number;
  else if (key === 'exploration.sigma_max') options.sigmaMax = nearest as number;
  else if (key === 'exploration.window') options.window = nearest as KernelOptions['window'];
  else if (key === 'sampling.steps') options.steps = nearest as number;
  else if (key === 'sampling.shift') options.shift = nearest as number;
  else return false;
  return nearest !== null;
}

function reportFault(fault: MethodError, context: RuleContext): void {
  const name = fault.key.split('.').at(-1);
  const nearest =
    fault.nearest === null ? '' : ` Write \`${name}: ${flowText(fault.nearest)}\`, the nearest valid value.`;
  const { others, fixes } =
    fault.code === 'steps-too-many'
      ? scheduleFixes(fault, context.config)
      : { others: fault.alternatives ?? [], fixes: faultFixes(fault) };
  const reason = fault.message.replace(/ The nearest valid value is [\s\S]*$/, '').replace(/ Or: [\s\S]*$/, '');
  context.error(
    fault.code,
    placeOf(fault, context),
    reason,
    (nearest + others.map((way) => ` Or ${way}.`).join('')).trim() || 'Write another value.',
    fixes,
  );
}

/** Too many steps may be the fault of the shift, when only that was written; a window has two ends. */
function placeOf({ key, code }: MethodError, { config, firstGiven }: RuleContext): string {
  if (code === 'steps-too-many')
    return firstGiven('sampling.steps', 'sampling.shift', 'exploration.sigma_max', 'exploration.kernel');
  if (key !== 'exploration.window' || config.exploration.window === null) return key;
  const { first, last } = config.exploration.window;
  return first >= config.sampling.steps || first > last ? `${key}.first` : `${key}.last`;
}

function checkSomethingIsTrained(context: RuleContext): void {
  const { config, error, firstGiven } = context;
  if (countExplored(config) !== 0) return;
  const { kernel, last_step: lastStep, window } = config.exploration;
  const nothing = 'so no step is explored and nothing can be trained';
  if (kernel === 'ode')
    return error(
      'nothing-to-train',
      'exploration.kernel',
      `The kernel ode draws no noise, ${nothing}.`,
      'Write `kernel: sage`, or another kernel with noise.',
      (['sage', 'flow_grpo', 'dance_grpo', 'cps'] as const).map((name, i) => {
        const fix = setKey('exploration.kernel', name);
        return i === 0 ? likely(fix) : fix;
      }),
    );
  const last = config.sampling.steps - 1;
  const moreSteps = likely(setKey('sampling.steps', 2));
  if (window !== null && window.first === last) {
    const why = lastStep === 'ode' ? 'which last_step: ode leaves without noise' : `where ${kernel} draws no noise`;
    return error(
      'nothing-to-train',
      'exploration.window.first',
      `The window covers only the last step, ${why}, ${nothing}.`,
      last === 0
        ? 'Sample in 2 steps or more.'
        : `Begin the window earlier: \`first: ${Math.max(0, last - 1)}\` or less.`,
      last === 0 ? [moreSteps] : [likely(setKey('exploration.window.first', last - 1))],
    );
  }
  if (last === 0)
    return error(
      'nothing-to-train',
      firstGiven('sampling.steps', 'exploration.last_step'),
      `With 1 step the only step is the last one, which draws no noise, ${nothing}.`,
      'Write `steps: 2` or more; 10 is usual.',
      [moreSteps, setKey('sampling.steps', 10)],
    );
  error(
    'nothing-to-train',
    firstGiven('exploration.window', 'exploration.sigma_max', 'exploration.clamp_both_ends'),
    `Every step that could be explored lies above sigma_max and loses its noise, ${nothing}.`,
    'Widen the window towards later steps, or lower `sampling.steps` or `sampling.shift`.',
    wayDown(config),
  );
}

/** Ways to have a step with noise where sigma_max lies below all that could be explored. */
function wayDown(config: Config): Fix[] {
  const { sampling, exploration } = config;
  const explores = (change: { sampling?: object; exploration?: object }) =>
    (countExplored({
      ...config,
      sampling: { ...sampling, ...change.sampling },
      exploration: { ...exploration, ...change.exploration },
    }) ?? 0) > 0;
  const fixes: Fix[] = [];
  const { window } = exploration;
  const wider = window && { first: window.first, last: sampling.steps - 1 };
  if (wider && explores({ exploration: { window: wider } }))
    fixes.push(likely(setKey('exploration.window.last', wider.last)));
  if (window && explores({ exploration: { window: null } }))
    fixes.push(likely(removeKey('exploration.window', '(explore every step)')));
  const fewer = [...Array(7).keys()].map((i) => Math.floor(sampling.steps / 2 ** (i + 1)));
  const steps = fewer.find((count) => count > 1 && explores({ sampling: { steps: count } }));
  if (steps !== undefined) fixes.push(likely(setKey('sampling.steps', steps)));
  return fixes;
}

/** The last step is not explored where it draws no noise, though a window may name it. */
function checkWindowEnd({ config, warn }: RuleContext): void {
  const { window, last_step: lastStep, kernel } = config.exploration;
  const last = config.sampling.steps - 1;
  const noisy = lastStep === 'noise' && kernel !== 'cps';
  if (window === null || kernel === 'ode' || window.last !== last || noisy) return;
  if (window.first === 0 || window.first >= last) return;
  const why = lastStep === 'ode' ? 'which last_step: ode leaves without noise' : `where ${kernel} draws no noise`;
  const count = last - window.first;
  warn(
    'window-last-step',
    'exploration.window.last',
    `The window ends at step ${last}, the last one, ${why}: ${count} step${count === 1 ? ' is' : 's are'} explored, not ${count + 1}.`,
    `Write \`last: ${last - 1}\` to say so${kernel === 'cps' ? '' : ', or `last_step: noise` to explore it as well'}.`,
    [
      likely(setKey('exploration.window.last', last - 1)),
      ...(kernel === 'cps' ? [] : [setKey('exploration.last_step', 'noise')]),
    ],
  );
}

function checkStepsPerSample({ config, error }: RuleContext): void {
  const wanted = config.training.steps_per_sample;
  const explored = countExplored(config);
  if (wanted === null || explored === null || explored === 0 || wanted <= explored) return;
  error(
    'steps-per-sample',
    'training.steps_per_sample',
    `training.steps_per_sample is ${wanted}, but only ${explored} of the ${config.sampling.steps} steps are explored.`,
    `Write at most ${explored}, or null for all of them.`,
    [
      likely(setKey('training.steps_per_sample', explored)),
      likely(setKey('training.steps_per_sample', null, '(all of them)')),
    ],
  );
}

export const methodRules: Rule[] = [
  { needs: [], check: checkKernel },
  { needs: kernelKeys, check: checkSomethingIsTrained },
  { needs: kernelKeys, check: checkWindowEnd },
  { needs: [...kernelKeys, 'training.steps_per_sample'], check: checkStepsPerSample },
];
