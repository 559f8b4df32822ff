import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { afterAll, describe, expect, it } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import type { Diagnostic, Edit } from '../../../engine/config/diagnostics.ts';
import { applyEdits, joinPath, splitPath } from '../../../engine/config/edits.ts';
import { listPresets, readPreset } from '../../../engine/config/presets.ts';
import { readTree } from '../../../engine/config/tree.ts';
import { flatten, rootKey, type KeyInfo } from '../../../engine/config/walk.ts';
import { diagnostic as diagnosticSchema } from '../../../engine/protocol/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-fixes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const presets = listPresets().map(({ name }) => readTree(readPreset(name)).value);
const keys = flatten(rootKey);

const analyse = (value: unknown) =>
  analyseText(stringify(value), { file: join(folder, 'a.sage.yaml'), checkFiles: false });
const errorsOf = (value: unknown) => analyse(value).diagnostics.filter((d) => d.severity === 'error');

/** What people write by mistake where a key belongs. */
function wrongValues(info: KeyInfo): unknown[] {
  const any = [null, 'abc', -1, 0, 10.5, '12', true, 'yes', [1], { a: 1 }, 1e9];
  const choices = info.choices.flatMap((word) => [word, word.slice(1), `${word}x`]);
  const numbers = info.kind === 'integer' || info.kind === 'number' ? [1, 2, 3, 5, 7, 12, 24, 68, 97, 100, 0.001] : [];
  return [...any, ...choices, ...numbers, ...(info.kind === 'boolean' ? [false] : [])];
}

function misspell(name: string, at: number): string {
  const i = at % name.length;
  return name.slice(0, i) + name.slice(i + 1) || 'q';
}

const mistake: fc.Arbitrary<Edit> = fc.constantFrom(...keys).chain((info): fc.Arbitrary<Edit> => {
  const { path } = info;
  const outer = path.slice(0, Math.max(0, path.lastIndexOf('.')));
  const words = [...(info.meta.aliases ?? []), 'foo', info.name];
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(...wrongValues(info)).map((value): Edit => ({ kind: 'set', path, value })),
    },
    { weight: 1, arbitrary: fc.nat(12).map((at): Edit => ({ kind: 'rename', path, name: misspell(info.name, at) })) },
    { weight: 1, arbitrary: fc.constantFrom(...words).map((name): Edit => ({ kind: 'rename', path, name })) },
    { weight: 1, arbitrary: fc.constant<Edit>({ kind: 'remove', path }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', 'sampling', 'training', 'policy').map((to): Edit => {
        return { kind: 'move', path, to: to === '' || outer === '' ? JSON.stringify(path) : `${to}.${info.name}` };
      }),
    },
  );
});

const same = (a: Diagnostic) => (b: Diagnostic) => a.code === b.code && a.path === b.path;

describe('every fix', () => {
  it('takes away what it is offered for, whatever else is wrong', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...presets),
        fc.array(mistake, { minLength: 1, maxLength: 4 }),
        (preset, mistakes) => {
          const value = applyEdits(preset, mistakes);
          for (const error of errorsOf(value))
            for (const { title, edits } of error.fixes ?? []) {
              const left = errorsOf(applyEdits(value, edits)).filter(same(error));
              expect(
                left.map(({ message }) => message),
                `${error.message} / ${title}`,
              ).toEqual([]);
            }
        },
      ),
      { numRuns: 250 },
    );
  });

  it('waits until the block that it would write into is spelt right', () => {
    const [preset] = presets;
    const misspelt: Edit[] = [
      { kind: 'rename', path: 'rollout', name: 'ollout' },
      { kind: 'set', path: 'training.micro_batch', value: 24 },
    ];
    const fixesOf = (value: unknown) =>
      errorsOf(value).flatMap(({ path, fixes = [] }) => (path === 'training.micro_batch' ? fixes : []));
    const paths = (value: unknown) => fixesOf(value).flatMap(({ edits }) => edits.map(({ path }) => path));
    const wrong = applyEdits(preset, misspelt);
    // A block of its own would take the place of what the misspelt one says.
    expect(paths(wrong).filter((path) => path.startsWith('rollout.'))).toEqual([]);
    expect(paths(applyEdits(preset, misspelt.slice(1)))).toContain('rollout.generations');
  });

  it('that is preferred makes a config with one error valid, and there is at most one', () => {
    let preferred = 0;
    fc.assert(
      fc.property(fc.constantFrom(...presets), mistake, (preset, edit) => {
        const value = applyEdits(preset, [edit]);
        const errors = errorsOf(value);
        for (const { fixes = [] } of errors) expect(fixes.filter((fix) => fix.preferred).length).toBeLessThan(2);
        const fix = errors.length === 1 ? errors[0].fixes?.find((each) => each.preferred) : undefined;
        if (fix === undefined) return;
        preferred++;
        expect(errorsOf(applyEdits(value, fix.edits)), `${errors[0].message} / ${fix.title}`).toEqual([]);
      }),
      { numRuns: 250 },
    );
    expect(preferred).toBeGreaterThan(60);
  });
});

describe('a config of HunyuanVideo-1.5 with one typical mistake', () => {
  const [preset] = presets;
  const typical: Record<string, [edits: Edit[], title: string]> = {
    'a wrong key': [[{ kind: 'rename', path: 'exploration.kernel', name: 'kernal' }], 'Change "kernal" to kernel'],
    'T too large for the shift': [
      [{ kind: 'set', path: 'sampling.steps', value: 80 }],
      'Set sampling.steps to 67, and set training.accumulation to 11',
    ],
    'G that does not divide': [
      [{ kind: 'set', path: 'rollout.generations', value: 6 }],
      'Set rollout.generations to 4',
    ],
    'a misspelt component': [[{ kind: 'rename', path: 'reward.weights.TA', name: 'TB' }], 'Change "TB" to TA'],
    'a missing file': [
      [{ kind: 'set', path: 'prompts', value: { file: 'prompt.txt' } }],
      'Set prompts.file to prompts.txt',
    ],
  };
  writeFileSync(join(folder, 'prompts.txt'), 'a cat\na dog\na bird\na fish\na fox\nan owl\na horse\na crab\n');

  it.each(Object.entries(typical))('%s: one click makes it valid', (_, [mistakes, title]) => {
    const value = applyEdits(preset, mistakes);
    const file = join(folder, 'a.sage.yaml');
    const [error] = analyseText(stringify(value), { file }).diagnostics.filter((d) => d.severity === 'error');
    const fix = error.fixes?.find((each) => each.preferred);
    expect(fix?.title).toBe(title);
    expect(analyseText(stringify(applyEdits(value, fix!.edits)), { file }).valid).toBe(true);
  });
});

const hunyuan = 'policy: {model: hunyuan-video-1.5}\nprompts: [a cat, a dog, a bird, a fish]\n';
writeFileSync(join(folder, 'prompts.csv'), 'Prompt\na cat\n');
writeFileSync(join(folder, 'base.sage.yaml'), 'seed: 1\n');
writeFileSync(join(folder, 'mine.safetensors'), '');
mkdirSync(join(folder, 'prompts'));
writeFileSync(
  join(folder, 'prompts', 'all.txt'),
  ['up', 'down', 'left', 'right'].map((way) => `a red circle moving ${way}`).join('\n'),
);

/** Titles of the fixes that a mistake is offered, the preferred one marked. */
const offers: Record<string, [text: string, titles: string[]]> = {
  'a misspelt key': ['exploration: {kernal: cps}', ['* Change "kernal" to kernel']],
  'a key of another trainer': ['rollout: {num_generations: 8}', ['* Change "num_generations" to generations']],
  'a key in the wrong block': [
    'policy: {learning_rate: 1e-4}',
    ['* Move policy.learning_rate to training.learning_rate', 'Remove policy.learning_rate'],
  ],
  'a key given twice under two names': ['training: {lr: 1e-3, learning_rate: 1e-4}', ['Remove training.lr']],
  'a block under two names': [
    'exploration: {kernel: cps}\nexplroation: {eta: 0.5}',
    ['* Move what is in "explroation" to exploration', 'Remove explroation'],
  ],
  'a dotted key': ['exploration.eta: 0.3', ['* Move "exploration.eta" to exploration.eta']],
  'a key that means nothing': ['sampling: {foo: 1}', ['Remove sampling.foo']],
  'a misspelt component': ['reward: {weights: {VG: 1}}', ['* Change "VG" to VQ']],
  'a value out of range': [
    'sampling: {steps: 2000}\nexploration: {clamp_both_ends: true}',
    ['* Set sampling.steps to 1000 (the nearest valid value)', 'Set sampling.steps to 10 (the default)'],
  ],
  'a group of one, of which the nearest valid size does not divide': [
    'rollout: {generations: 1}',
    ['Set rollout.generations to 2 (the nearest valid value)', '* Set rollout.generations to 8 (the default)'],
  ],
  'a default that depends on the model': [
    `${hunyuan}sampling: {shift: 0}`,
    ['* Set sampling.shift to 0.001 (the nearest valid value)', 'Set sampling.shift to 5 (the default)'],
  ],
  'a wrong choice': [
    'exploration: {kernel: flow_grop}',
    [
      '* Set exploration.kernel to flow_grpo',
      ...['sage', 'dance_grpo', 'cps', 'ode'].map((word) => `Set exploration.kernel to ${word}`),
    ],
  ],
  'a number in quotes': ['sampling: {steps: "12"}', ['* Set sampling.steps to 12']],
  'a prompt with a colon': [
    'prompts: [a red circle moving left, {a cat: running}]\nrollout: {prompts_per_iteration: 1}\ntraining: {micro_batch: 8}',
    ['Set prompts.1 to "a cat: running" (in quotes)'],
  ],
  'too many steps for the shift': [
    'sampling: {steps: 68, shift: 5}',
    [
      '* Set sampling.steps to 67',
      'Set exploration.clamp_both_ends to true',
      'Set sampling.shift to 4.9',
      'Set exploration.sigma_max to 0.998',
      ...['flow_grpo', 'dance_grpo', 'cps'].map((word) => `Set exploration.kernel to ${word}`),
    ],
  ],
  'fewer steps that would not divide are not the first choice': [
    'sampling: {steps: 68, shift: 5}\ntraining: {accumulation: 67}', // with a shift of 4.9 all but the last of the 68 steps are explored
    [
      'Set sampling.steps to 67',
      'Set exploration.clamp_both_ends to true',
      '* Set sampling.shift to 4.9',
      'Set exploration.sigma_max to 0.998',
      ...['flow_grpo', 'dance_grpo', 'cps'].map((word) => `Set exploration.kernel to ${word}`),
    ],
  ],
  'a micro-batch that does not divide': [
    'training: {micro_batch: 12}',
    [
      '* Set training.micro_batch to 8',
      'Set training.micro_batch to 16',
      'Set rollout.prompts_per_iteration to 3',
      'Set rollout.prompts_per_iteration to 6',
      'Set rollout.generations to 6',
      'Set rollout.generations to 9',
    ],
  ],
  'a β above its largest value': [
    'trust_region: {beta: {minimum: 1e-3}}',
    ['* Set trust_region.beta.minimum to 0.00001', 'Set trust_region.beta.weight to 0.001'],
  ],
  'a β of zero': [
    'trust_region: {beta: {weight: 0}}',
    [
      '* Switch the trust region off: no anchor and no stepwise KL',
      'Set trust_region.beta.initial to 0 and trust_region.beta.minimum to 0',
    ],
  ],
  'training without the guidance of sampling': [
    'sampling: {guidance: 3, train_guidance: false}',
    ['* Set sampling.train_guidance to true', 'Set sampling.guidance to 1'],
  ],
  'a line without effect': ['trust_region: {anchor: {mode: none, weight: 2}}', ['* Remove trust_region.anchor.weight']],
  'a file with a near neighbour': ['prompts: {file: prompts/al.txt}', ['* Set prompts.file to prompts/all.txt']],
  'a column with a near neighbour': [
    'policy: {model: wan-2.1}\nprompts: {file: prompts.csv}\nrollout: {prompts_per_iteration: 1}',
    ['* Set prompts.column to Prompt'],
  ],
  'weights with a near neighbour': [
    'policy: {weights: ./mime.safetensors}',
    ['* Set policy.weights to "./mine.safetensors"', 'Remove policy.weights (start from the released weights)'],
  ],
  'no prompts for a model that has none': [
    'policy: {model: wan-2.1}',
    ['Set prompts to {file: prompts.csv}', '* Write the 16 prompts of a preset, to begin with'],
  ],
  'a misspelt preset': [
    'extends: shaeps',
    [
      '* Set extends to shapes',
      ...['hunyuan-video-1.5', 'hunyuan-video-1.5-lora', 'shapes-compare', 'shapes-torch', 'wan-2.1-lora'].map(
        (name) => `Set extends to ${name}`,
      ),
    ],
  ],
  'a file that is meant as base': [
    'extends: base',
    [
      '* Set extends to base.sage.yaml',
      ...[
        'hunyuan-video-1.5',
        'hunyuan-video-1.5-lora',
        'shapes',
        'shapes-compare',
        'shapes-torch',
        'wan-2.1-lora',
      ].map((name) => `Set extends to ${name}`),
    ],
  ],
  'an empty file': [
    '',
    ['* Begin with the embedded model: policy: {model: shapes}', 'Begin with a preset: extends: shapes'],
  ],
};

describe('a mistake is offered', () => {
  it.each(Object.entries(offers))('%s', (_, [text, titles]) => {
    const { diagnostics } = analyseText(text, { file: join(folder, 'a.sage.yaml'), freeBytes: null });
    const fixes = diagnostics.find((d) => d.fixes !== undefined)?.fixes ?? [];
    expect(fixes.map(({ title, preferred }) => `${preferred ? '* ' : ''}${title}`)).toEqual(titles);
    for (const diagnostic of diagnostics) expect(diagnosticSchema.parse(diagnostic)).toEqual(diagnostic);
  });

  it('nothing that a flag would undo', () => {
    const options = { file: join(folder, 'a.sage.yaml'), overrides: ['rollout.generations=5'] };
    const [error] = analyseText('seed: 1', options).diagnostics;
    expect(error.code).toBe('config/micro-batch');
    expect(error.fixes?.map(({ title }) => title)).toEqual(['Set training.micro_batch to 20']);
  });
});

describe('edits of plain data', () => {
  const value = { a: { b: 1, c: [1, 2, 3] }, 'x.y': 2 };

  it('set, rename, move and remove, and make the blocks that are missing', () => {
    const edits: Edit[] = [
      { kind: 'rename', path: 'a.b', name: 'd' },
      { kind: 'move', path: '"x.y"', to: 'x.y' },
      { kind: 'remove', path: 'a.c.1' },
      { kind: 'set', path: 'a.c.0', value: { deep: true } },
    ];
    expect(JSON.stringify(applyEdits(value, edits))).toBe('{"a":{"d":1,"c":[{"deep":true},3]},"x":{"y":2}}');
    expect(value).toEqual({ a: { b: 1, c: [1, 2, 3] }, 'x.y': 2 });
    expect(applyEdits(undefined, [{ kind: 'set', path: 'a.b', value: 1 }])).toEqual({ a: { b: 1 } });
    expect(applyEdits(value, [{ kind: 'remove', path: 'no.such.key' }])).toEqual(value);
  });

  it('paths are parted as they were joined', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 6 }), { minLength: 1, maxLength: 4 }), (parts) => {
        expect(splitPath(joinPath(parts))).toEqual(parts);
      }),
    );
  });
});
