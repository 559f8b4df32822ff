import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodeActionTriggerKind, type CodeAction, type Range } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { analyseText } from '../../../engine/config/analyse.ts';
import type { Fix } from '../../../engine/config/diagnostics.ts';
import { listPresets } from '../../../engine/config/presets.ts';
import { resolve } from '../../../engine/config/resolve.ts';
import { readTree } from '../../../engine/config/tree.ts';
import { keyAt } from '../../../engine/config/walk.ts';
import { kernelNames, kernelTable, type KernelOptions } from '../../../engine/method/kernels.ts';
import { codeActions, resolveAction } from '../../../src/language/server/features/actions.ts';
import { etaOfSameEnergy } from '../../../src/language/server/features/actions/kernels.ts';
import { differenceFrom, nearest } from '../../../src/language/server/features/actions/presets.ts';
import { diagnostics } from '../../../src/language/server/features/diagnostics.ts';
import type { Asked } from '../../../src/language/server/request.ts';
import { asked, cursor } from '../../support/language.ts';

const file = '/config/example.sage.yaml';
const presets = listPresets().map(({ name, file: path }) => ({ name, text: readFileSync(path, 'utf8') }));
const everywhere = (text: string): Range => ({
  start: { line: 0, character: 0 },
  end: { line: text.split('\n').length, character: 0 },
});

function offered(
  from: Asked,
  range: Range,
  only?: string[],
  triggerKind: CodeActionTriggerKind = CodeActionTriggerKind.Invoked,
) {
  const { uri } = from.config.document;
  return codeActions(from, { textDocument: { uri }, range, context: { diagnostics: [], only, triggerKind } });
}

function done(from: Asked, action: CodeAction): string {
  const { document } = from.config;
  const { edit } = action.edit ? action : resolveAction(from, action);
  return TextDocument.applyEdits(document, edit!.changes![document.uri]);
}

/** The text after the one action of a kind whose title begins so. */
async function after(text: string, kind: string, title = ''): Promise<string> {
  const from = asked(text);
  const [action, ...more] = (await offered(from, everywhere(text), [kind])).filter((each) =>
    each.title.startsWith(title),
  );
  expect(more).toEqual([]);
  return done(from, action);
}

/** What the config's rules say of a text, as `code path`. */
const complaints = (text: string) =>
  analyseText(text, { file, checkFiles: false }).diagnostics.map(({ code, path }) => `${code} ${path}`);
const resolved = (text: string) => analyseText(text, { file, checkFiles: false }).config;

describe('Quick fixes', () => {
  const text = 'name: a\nexploration: { ete: 1 } # strong\n';
  const rename: Fix = {
    title: 'Change "ete" to eta',
    edits: [{ kind: 'rename', path: 'exploration.ete', name: 'eta' }],
    preferred: true,
  };
  const fixes: Fix[] = [
    rename,
    { title: 'Remove exploration.ete', edits: [{ kind: 'remove', path: 'exploration.ete' }] },
    { title: 'Nothing', edits: [{ kind: 'remove', path: 'exploration.nothing' }] },
  ];
  /** A config with these remedies for what is first found. */
  function remedied(given: Fix[]): Asked {
    const from = asked(text);
    from.config.analysis.diagnostics[0].fixes = given;
    return from;
  }

  it('are the remedies of what is wrong there, the likely one preferred; those that would change nothing are left out', async () => {
    const from = remedied(fixes);
    const { at } = cursor('name: a\nexploration: { e|te: 1 }');
    const found = await offered(from, { start: at, end: at }, ['quickfix']);
    expect(found.map(({ title, isPreferred }) => [title, isPreferred])).toEqual([
      ['Change "ete" to eta', true],
      ['Remove exploration.ete', undefined],
    ]);
    expect(found[0].diagnostics).toMatchObject([{ code: 'config/unknown-key' }]);
    expect(done(from, found[0])).toBe('name: a\nexploration: { eta: 1 } # strong\n');
    expect(done(from, found[1])).toBe('name: a\nexploration: {} # strong\n');
    const start = { line: 0, character: 0 };
    expect(await offered(from, { start, end: start }, ['quickfix'])).toEqual([]);
  });

  it('indent with spaces, and let one of two keys go', async () => {
    const titles = async (of: string) =>
      (await offered(asked(of), everywhere(of), ['quickfix'])).map(({ title }) => title);
    const tabbed = 'policy:\n    model: shapes\nexploration:\n\teta: 1 #\ttab\n\tkernel: cps\n';
    expect(await titles(tabbed)).toEqual(['Indent with spaces']);
    expect(await after(tabbed, 'quickfix')).toBe(tabbed.replaceAll('\n\t', '\n    '));
    const doubled = 'exploration:\n  eta: 1 # one\n  # two\n  eta: 2\nseed: 1\n';
    expect(await titles(doubled)).toEqual(['Remove this eta', 'Remove the first eta']);
    expect(await after(doubled, 'quickfix', 'Remove this')).toBe('exploration:\n  eta: 1 # one\n  # two\nseed: 1\n');
    expect(await after(doubled, 'quickfix', 'Remove the first')).toBe('exploration:\n  # two\n  eta: 2\nseed: 1\n');
  });

  it('put right at once all that has one likely remedy', async () => {
    const from = remedied(fixes);
    const [all] = await offered(from, everywhere(text), ['source.fixAll']);
    expect(all).toMatchObject({ kind: 'source.fixAll.sage' });
    expect(done(from, all)).toBe('name: a\nexploration: { eta: 1 } # strong\n');
    expect(await offered(remedied(fixes.slice(1)), everywhere(text), ['source.fixAll'])).toEqual([]);
  });

  it('change nothing once the text is another one', async () => {
    const [all] = await offered(remedied(fixes), everywhere(text), ['source.fixAll']);
    const later = remedied(fixes);
    expect(done({ ...later, config: { ...later.config, version: 2 } as Asked['config'] }, all)).toBe(text);
  });
});

describe('Adding a block', () => {
  it('is offered for every block that is absent, beside blank lines unless it is asked for', async () => {
    const text = 'policy:\n  model: shapes\n\ntraining: {}\n';
    const titles = async (line: number, kind: CodeActionTriggerKind) => {
      const at = { line, character: 0 };
      const found = await offered(asked(text), { start: at, end: at }, undefined, kind);
      return found.map(({ title }) => title).filter((title) => title.startsWith('Add'));
    };
    const all = await titles(1, CodeActionTriggerKind.Invoked);
    expect(all).toContain('Add the block exploration');
    expect(all).not.toContain('Add the block training');
    expect(await titles(1, CodeActionTriggerKind.Automatic)).toEqual([]);
    expect(await titles(2, CodeActionTriggerKind.Automatic)).toEqual(all);
  });

  it('writes its defaults for the model where the schema has it, but none that does nothing', async () => {
    const added = await after(
      '# mine\npolicy: { model: wan-2.1 } # big\nreward: { model: videoalign }\n',
      'refactor.rewrite',
      'Add the block equalizer',
    );
    expect(added).toBe(
      '# mine\npolicy: { model: wan-2.1 } # big\nreward: { model: videoalign }\nequalizer:\n  mode: analytic\n',
    );
    expect(await after('', 'refactor.rewrite', 'Add the block exploration')).toMatchInlineSnapshot(`
      "exploration:
        kernel: sage
        eta: 0.5
        sigma_max: 0.997
        last_step: ode
        clamp_both_ends: false
      "
    `);
    expect(await after('seed: 1\n', 'refactor.rewrite', 'Add the block policy')).toMatchInlineSnapshot(`
      "seed: 1
      policy:
        model: shapes
        backend: onnx
        threads: 2
      "
    `);
    expect(await after('policy: { model: wan-2.1 }\n', 'refactor.rewrite', 'Add the block sampling'))
      .toMatchInlineSnapshot(`
      "policy: { model: wan-2.1 }
      sampling:
        steps: 20
        shift: 3
        guidance: 5
        train_guidance: true
        frames: 81
        height: 480
        width: 832
      "
    `);
    expect(await after('policy: { model: wan-2.1 }\n', 'refactor.rewrite', 'Add the block prompts')).toBe(
      'policy: { model: wan-2.1 }\nprompts: { file: prompts.txt }\n',
    );
  });
});

describe('Writing out every default', () => {
  it.each(presets)('leaves the preset $name what it is, without a new complaint', async ({ text }) => {
    const completed = await after(text, 'source.completeDefaults.sage');
    expect(resolved(completed)).toEqual(resolved(text));
    expect(complaints(completed)).toEqual(complaints(text));
    for (const comment of text.match(/#.*/g)!) expect(completed).toContain(comment);
    expect(await after(completed, 'source.completeDefaults.sage')).toBe(completed);
    expect(readTree(completed).places.has('training.epsilon')).toBe(true);
  });
});

describe('Sorting keys', () => {
  it('takes comments along, and leaves what is in order', async () => {
    const text = [
      '# About all of it.',
      '',
      '# how to train',
      'training:',
      '  learning_rate: 1e-4 # slow',
      '  # few',
      '  iterations: 3',
      '  # trailing',
      '',
      'mine: 1',
      'exploration: { eta: 1, kernel: cps }',
      'seed: 4',
    ].join('\n');
    const result = await after(text, 'source.sortKeys.sage');
    expect(result).toMatchInlineSnapshot(`
      "# About all of it.

      seed: 4
      exploration: { kernel: cps, eta: 1 }

      # how to train
      training:
        # few
        iterations: 3
        learning_rate: 1e-4 # slow
        # trailing

      mine: 1"
    `);
    expect(await after(result, 'source.sortKeys.sage')).toBe(result);
    expect(await after(`${text}\n`.replaceAll('\n', '\r\n'), 'source.sortKeys.sage')).toBe(
      `${result}\n`.replaceAll('\n', '\r\n'),
    );
  });

  it('puts no alias before its anchor', async () => {
    const text = 'training: { iterations: &n 4 }\nseed: *n\n';
    expect(await after(text, 'source.sortKeys.sage')).toBe(text);
  });

  it('changes neither what a config says nor its comments, however its lines stand', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...presets), fc.infiniteStream(fc.nat(1000)), async ({ text }, draws) => {
        const shuffled = shuffle(text, () => draws.next().value);
        expect(readTree(shuffled).value).toEqual(readTree(text).value);
        const result = await after(shuffled, 'source.sortKeys.sage');
        expect(readTree(result).value).toEqual(readTree(text).value);
        expect(Object.keys(readTree(result).value as object)).toEqual(Object.keys(readTree(text).value as object));
        expect(result.match(/#.*/g)!.sort()).toEqual(text.match(/#.*/g)!.sort());
      }),
      { numRuns: 60 },
    );
  });

  /** The blocks of a preset in another order. */
  function shuffle(text: string, draw: () => number): string {
    const start = text.search(/^name:/m);
    const blocks = text.slice(start).split(/^(?=\w)/m);
    const order = blocks.map((block) => ({ block, at: draw() })).sort((a, b) => a.at - b.at);
    return text.slice(0, start) + order.map(({ block }) => (block.endsWith('\n') ? block : `${block}\n`)).join('');
  }
});

describe('Switching to another kernel', () => {
  const energy = (options: KernelOptions) =>
    kernelTable(options).steps.reduce((sum, { s, explored }) => sum + (explored ? s * s : 0), 0);
  const options = fc.record({
    kernel: fc.constantFrom(...kernelNames),
    steps: fc.integer({ min: 2, max: 60 }),
    shift: fc.constantFrom(1, 3, 5, 7),
    eta: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    lastStep: fc.constantFrom('ode' as const, 'noise' as const),
    window: fc.constantFrom(null, { first: 0, last: 1 }),
  });

  it('finds the η at which it injects as much energy, to a millionth', () => {
    let found = 0;
    fc.assert(
      fc.property(options, fc.constantFrom(...kernelNames), (from, kernel) => {
        const eta = etaOfSameEnergy(from, kernel);
        if (from.kernel === 'ode' || kernel === 'ode') expect(eta).toBeNull();
        if (eta === null) return;
        found++;
        const [before, now] = [energy(from), energy({ ...from, kernel, eta })];
        expect(Math.abs(now - before) / before).toBeLessThanOrEqual(1e-6);
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(50);
  });

  it('is offered on the lines of the kernel and of η, with the new η', async () => {
    const { text, at } = cursor('sampling: { steps: 10 }\nexploration:\n  kernel: sage # ours\n  e|ta: 0.5\n');
    const from = asked(text);
    const found = await offered(from, { start: at, end: at }, undefined, CodeActionTriggerKind.Automatic);
    expect(found.map(({ title }) => title)).toMatchInlineSnapshot(`
      [
        "Switch to flow_grpo with η 0.5355797, which injects the same energy",
        "Switch to dance_grpo with η 1.261145, which injects the same energy",
        "Switch to cps with η 0.332756, which injects the same energy",
      ]
    `);
    expect(done(from, found[0])).toMatchInlineSnapshot(`
      "sampling: { steps: 10 }
      exploration:
        kernel: flow_grpo # ours
        eta: 0.5355797
      "
    `);
    const start = { line: 0, character: 3 };
    expect(await offered(from, { start, end: start }, undefined, CodeActionTriggerKind.Automatic)).toEqual([]);
  });

  it('is not offered where no η would do, or the schedule is not known', async () => {
    const titles = async (text: string) =>
      (await offered(asked(text), everywhere(text), ['refactor']))
        .map(({ title }) => title)
        .filter((title) => title.startsWith('Switch'));
    const flow = await titles('exploration: { kernel: flow_grpo, eta: 10 }\n');
    expect(flow).toEqual([expect.stringMatching(/^Switch to sage with η 9\.3/)]);
    const long = await titles('sampling: { steps: 500, shift: 5 }\nexploration: { kernel: dance_grpo, eta: 0.5 }\n');
    expect(long.map((title) => title.split(' ')[2])).toEqual(['flow_grpo', 'cps']);
    expect(await titles('exploration: { kernel: ode, eta: 0.5 }\n')).toEqual([]);
    expect(await titles('exploration: { kernel: flow_grpo, eta: -1 }\n')).toEqual([]);
  });
});

describe('The difference from a preset', () => {
  /** A config over a preset, as `extends` has it: block by block, without the preset's name. */
  function over(own: unknown, base: unknown): unknown {
    const isBlock = (value: unknown): value is Record<string, unknown> =>
      typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isBlock(own) || !isBlock(base)) return own;
    const all = { ...base, ...own };
    for (const name of Object.keys(own)) if (name in base) all[name] = over(own[name], base[name]);
    return all;
  }

  /** What a config says that extends a preset. */
  function extended(text: string): unknown {
    const { extends: name, ...own } = readTree(text).value as { extends: string };
    const { name: _name, ...base } = readTree(presets.find((each) => each.name === name)!.text).value as {
      name: string;
    };
    return resolve(over(own, base)).config;
  }

  it.each(presets)('is the name alone, for the preset $name itself', ({ name, text }) => {
    const { config } = asked(text);
    expect(nearest(config.analysis.config!)).toEqual({ name, differ: 0 });
    const head = text.slice(0, text.search(/^name:/m));
    expect(differenceFrom(config, name)!.text).toBe(`${head}extends: ${name}\nname: ${name}\n`);
  });

  it('is what differs, with its comments', () => {
    const text = presets
      .find(({ name }) => name === 'shapes')!
      .text.replace('eta: 1.0', '# louder\n  eta: 2 # than usual')
      .replace('VQ: 0.5, ', '')
      .replace('  micro_batch: 32\n', '')
      .replace('mode: analytic', 'mode: none')
      .replace('checkpoints:\n  every: 20\n', '');
    const { config } = asked(text);
    expect(nearest(config.analysis.config!)).toEqual({ name: 'shapes', differ: 2 });
    expect(differenceFrom(config, 'shapes')!.text).toMatchInlineSnapshot(`
      "# The quickstart: trains the embedded Shapes model on the CPU in one to two minutes.
      extends: shapes
      name: shapes

      exploration:
        # louder
        eta: 2 # than usual

      equalizer:
        mode: none
      "
    `);
  });

  it('is offered where a config may extend another, and inlining the base gives the config back', async () => {
    const text = presets.find(({ name }) => name === 'shapes')!.text.replace('eta: 1.0', 'eta: 2');
    const found = await offered(asked(text), everywhere(text), ['refactor.extract']);
    const mayExtend = keyAt('extends') !== null;
    expect(found.map(({ title }) => title)).toEqual(
      mayExtend ? ['Extract the difference from the preset shapes (1 key)'] : [],
    );
    for (const action of found) {
      const extending = done(asked(text), action);
      expect(resolved(extending)).toEqual(resolved(text));
      expect(await offered(asked(extending), everywhere(extending), ['refactor.extract'])).toEqual([]);
      const whole = await after(extending, 'refactor.inline');
      expect(whole).not.toContain('extends');
      expect(resolved(whole)).toEqual(resolved(text));
    }
  });

  it('says with any preset under it what the config says', () => {
    for (const { text } of presets)
      for (const { name } of presets) {
        const { config } = asked(text);
        const changed = differenceFrom(config, name)!.text;
        const { name: _name, ...expected } = config.analysis.config!;
        expect(extended(changed)).toEqual({ ...expected, name: expect.anything() });
      }
  });
});

describe('In any text', () => {
  /** Cuts, doubles, swaps and garbles stretches of a text. */
  function mutated(text: string, draw: (below: number) => number): string {
    let result = text;
    const garbage = [
      ':',
      ' ',
      '\n',
      '\t',
      '{',
      '}',
      '[',
      '- ',
      '#',
      '&a ',
      '*a',
      '"',
      "'",
      '<<: ',
      '|',
      '? ',
      '\r\n',
      '\0',
      'é😀',
      '---\n',
      '0',
      'null',
      '!!x ',
    ];
    for (let n = 1 + draw(4); n > 0; n--) {
      const at = draw(result.length + 1);
      const to = Math.min(result.length, at + draw(40));
      const kinds = [
        () => result.slice(0, at) + result.slice(to),
        () => result.slice(0, to) + result.slice(at),
        () => result.slice(0, at) + garbage[draw(garbage.length)] + result.slice(at),
        () => result.slice(0, at),
      ];
      result = kinds[draw(kinds.length)]();
    }
    return result;
  }

  it('nothing fails, whatever half of a config is typed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...presets), fc.infiniteStream(fc.nat(1_000_000)), async ({ text }, draws) => {
        const from = asked(mutated(text, (below) => draws.next().value % below));
        for (const { range } of await diagnostics(from)) expect(range.start.line).toBe(range.end.line);
        const shown = from.config.document.getText();
        for (const { fixes = [] } of from.config.analysis.diagnostics) expect(Array.isArray(fixes)).toBe(true);
        for (const action of await offered(from, everywhere(shown))) done(from, action);
      }),
      { numRuns: 60 },
    );
  });
});
