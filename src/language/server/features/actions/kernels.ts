import type { Range } from 'vscode-languageserver/node';
import { MethodError } from '../../../../../engine/method/errors.ts';
import { kernelNames, kernelTable, type KernelName, type KernelOptions } from '../../../../../engine/method/kernels.ts';
import { kernelOptions } from '../../../../../engine/config/rules-method.ts';
import { keyAt } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { changesOf } from '../edits.ts';
import type { Splice } from '../edits/draft.ts';
import type { Offer } from './offer.ts';

/** Switching to another kernel, with the η at which it injects as much noise; on the lines of the kernel and of η. */
export function kernelOffers({ analysis }: ConfigText, range: Range): Offer[] {
  const places = ['exploration', 'exploration.kernel', 'exploration.eta'].map(
    (path) => analysis.tree.places.get(path)?.key,
  );
  const isNear = places.some((key) => key && key.line - 1 <= range.end.line && key.line - 1 >= range.start.line);
  if (!isNear || analysis.config === null || refused(analysis.diagnostics)) return [];
  const options = kernelOptions(analysis.config);
  return kernelNames.flatMap((kernel) => {
    const eta = kernel === options.kernel ? null : etaOfSameEnergy(options, kernel);
    if (eta === null) return [];
    const title = `Switch to ${kernel} with η ${eta}, which injects the same energy`;
    return [{ title, kind: 'refactor.rewrite', deed: ['kernel', `${kernel} ${eta}`] as const }];
  });
}

/** Writes a kernel and its η. @param argument both, as an offer has them */
export function withKernel(config: ConfigText, argument: string): Splice[] | null {
  const [kernel, eta] = argument.split(' ');
  return changesOf(config, [
    { kind: 'set', path: 'exploration.kernel', value: kernel },
    { kind: 'set', path: 'exploration.eta', value: Number(eta) },
  ]);
}

/** Whether something that the schedule depends on is not known. */
function refused(diagnostics: ConfigText['analysis']['diagnostics']): boolean {
  return diagnostics.some(
    ({ severity, path }) =>
      severity === 'error' && /^(exploration|sampling(\.(steps|shift))?|policy(\.model)?)$|^exploration\./.test(path),
  );
}

/** Σ s_k² over the explored steps; null where the kernel is not valid with these options. */
export function injectedEnergy(options: KernelOptions): number | null {
  try {
    return kernelTable(options).steps.reduce((sum, { s, explored }) => sum + (explored ? s * s : 0), 0);
  } catch (error) {
    if (error instanceof MethodError) return null;
    throw error;
  }
}

/** Relative; energies that differ less are the same. */
const tolerance = 1e-6;

/**
 * The η at which another kernel injects as much energy, in as few digits as say so; null where there is none within its
 * range, or either kernel explores nothing.
 */
export function etaOfSameEnergy(options: KernelOptions, kernel: KernelName): number | null {
  const energy = injectedEnergy(options);
  const energyAt = (eta: number) => injectedEnergy({ ...options, kernel, eta });
  if (energy === null || energy <= 0) return null;
  // The energy of each kernel grows with η; `cps` reads it as an angle, up to 1.
  let [low, high] = [1e-9, kernel === 'cps' ? 1 : (keyAt('exploration.eta')?.maximum?.value ?? 1)];
  const [least, most] = [energyAt(low), energyAt(high)];
  if (least === null || most === null || least > energy || most < energy) return null;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if ((energyAt(middle) ?? Infinity) < energy) low = middle;
    else high = middle;
  }
  for (let digits = 2; digits <= 15; digits++) {
    const eta = Number(high.toPrecision(digits));
    const reached = energyAt(eta);
    if (reached !== null && Math.abs(reached - energy) <= tolerance * energy * 0.5) return eta;
  }
  return null;
}
