import { expect, test } from 'vitest';
import { previewExploration } from '../../../engine/config/exploration.ts';
import { checkText } from '../../../engine/config/load.ts';
import { rolloutTable } from '../../../engine/training/settings.ts';

const configOf = (...overrides: string[]) =>
  checkText('policy: { model: shapes }\n', { file: '/w/a.sage.yaml', overrides }).config!;

test('the preview of a config is the table that its rollouts use', () => {
  const config = configOf(
    'exploration.kernel=flow_grpo',
    'exploration.eta=0.8',
    'exploration.window={first: 1, last: 4}',
  );
  const table = rolloutTable(config);
  const preview = previewExploration(config)!;
  expect(preview.sigmas).toEqual(table.sigmas);
  const chosen = preview.kernels.find(({ kernel }) => kernel === preview.kernel)!;
  expect(chosen.steps!.map(({ a, b, s, explored }) => ({ a, b, s, explored }))).toEqual(
    table.steps.map(({ a, b, s, explored }) => ({ a, b, s, explored })),
  );
  expect(chosen.steps!.flatMap(({ explored }, k) => (explored ? [k] : []))).toEqual([1, 2, 3, 4]);
});

test('kernels are compared at the same η on the same schedule, and the one without exploration is left out', () => {
  const { kernels, kernel } = previewExploration(configOf())!;
  expect(kernel).toBe('sage');
  expect(kernels.map((each) => each.kernel)).toEqual(['sage', 'flow_grpo', 'dance_grpo', 'cps']);
  const energy = (name: string) =>
    kernels.find((each) => each.kernel === name)!.steps!.map((step) => step.excessEnergy);
  energy('sage').forEach((value) => value === null || expect(value).toBeCloseTo(1, 12));
  // At σ = 1 its formula has no value and takes that of the next step instead.
  energy('flow_grpo')
    .slice(1)
    .forEach((value) => value === null || expect(value).toBeGreaterThan(1));
});

test('a kernel that cannot be used at this η says why, and the others are shown', () => {
  const { kernels } = previewExploration(configOf('exploration.kernel=flow_grpo', 'exploration.eta=1.5'))!;
  const cps = kernels.find((each) => each.kernel === 'cps')!;
  expect(cps.steps).toBeNull();
  expect(cps.fault).toMatch(/exploration\.eta is 1\.5, but/);
  expect(kernels.filter((each) => each.steps !== null)).toHaveLength(3);
});
