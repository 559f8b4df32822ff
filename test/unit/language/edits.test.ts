import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTree } from '../../../engine/config/tree.ts';
import type { Edit } from '../../../engine/config/diagnostics.ts';
import { flatten, rootKey, type KeyInfo } from '../../../engine/config/walk.ts';
import { editText, textEdits } from '../../../src/language/server/features/edits.ts';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { asked } from '../../support/language.ts';

const after = (text: string, ...edits: Edit[]) => editText(text, edits)?.text ?? null;

describe('An edit of a config', () => {
  const text = [
    '# A config.',
    'name: a # mine',
    '',
    'exploration:',
    '  # how much',
    '  eta: 0.5 # strong',
    "  kernel: 'sage'",
    '',
    'reward: { weights: {VQ: 1, TA: 2}, model: shapes-judge } # both',
    '',
  ].join('\n');

  it.each<[string, Edit[], string, string]>([
    [
      'changes a number where it stands',
      [{ kind: 'set', path: 'exploration.eta', value: 1e-5 }],
      'eta: 0.5',
      'eta: 1e-5',
    ],
    ['keeps quotes', [{ kind: 'set', path: 'exploration.kernel', value: 'cps' }], "'sage'", "'cps'"],
    ['writes a line break as an escape', [{ kind: 'set', path: 'name', value: 'a\nb' }], 'name: a', 'name: "a\\nb"'],
    ['quotes what needs it', [{ kind: 'set', path: 'name', value: 'a: b' }], 'name: a', 'name: "a: b"'],
    [
      'puts a new key where the schema has it',
      [{ kind: 'set', path: 'exploration.sigma_max', value: 0.99 }],
      '# strong\n',
      '# strong\n  sigma_max: 0.99\n',
    ],
    [
      'puts a first key first',
      [{ kind: 'set', path: 'exploration.window', value: null }],
      '# strong\n',
      '# strong\n  window: null\n',
    ],
    [
      'makes the blocks that are missing',
      [{ kind: 'set', path: 'training.micro_batch', value: 8 }],
      '} # both\n',
      '} # both\n\ntraining:\n  micro_batch: 8\n',
    ],
    [
      'writes in braces within braces',
      [{ kind: 'set', path: 'reward.weights.MQ', value: 3 }],
      'VQ: 1,',
      'VQ: 1, MQ: 3,',
    ],
    ['removes a line with its comment', [{ kind: 'remove', path: 'exploration.eta' }], '  eta: 0.5 # strong\n', ''],
    ['removes from braces', [{ kind: 'remove', path: 'reward.weights.TA' }], ', TA: 2', ''],
    ['renames a key', [{ kind: 'rename', path: 'exploration.kernel', name: 'kern' }], 'kernel:', 'kern:'],
    [
      'changes a block key by key',
      [{ kind: 'set', path: 'exploration', value: { eta: 1, kernel: 'sage' } }],
      'eta: 0.5',
      'eta: 1',
    ],
  ])('%s', (_, edits, from, to) => {
    expect(text).toContain(from);
    expect(after(text, ...edits)).toBe(text.replace(from, to));
    expect(after(text.replaceAll('\n', '\r\n'), ...edits)).toBe(text.replace(from, to).replaceAll('\n', '\r\n'));
  });

  it('takes a key with its text and comment to another block', () => {
    const edit: Edit = { kind: 'move', path: 'exploration.eta', to: 'training.learning_rate' };
    expect(after('exploration:\n  eta: 1e-4 # slow\n  kernel: cps\nseed: 1\n', edit)).toBe(
      'exploration:\n  kernel: cps\ntraining:\n  learning_rate: 1e-4 # slow\nseed: 1\n',
    );
  });

  it('leaves braces where a block loses its only key, and lines where it gets one again', () => {
    expect(after('policy:\n  threads: 4\nseed: 1\n', { kind: 'remove', path: 'policy.threads' })).toBe(
      'policy: {}\nseed: 1\n',
    );
    expect(after('policy: {}\nseed: 1\n', { kind: 'set', path: 'policy.threads', value: 4 })).toBe(
      'policy:\n  threads: 4\nseed: 1\n',
    );
  });

  it('begins an empty config, and one that is only a comment', () => {
    const edit: Edit = { kind: 'set', path: 'policy.model', value: 'shapes' };
    expect(after('', edit)).toBe('policy:\n  model: shapes\n');
    expect(after('# mine', edit)).toBe('# mine\npolicy:\n  model: shapes\n');
    expect(after('policy:\n  # model: shapes\n\nseed: 1', edit)).toBe(
      'policy:\n  model: shapes\n  # model: shapes\n\nseed: 1',
    );
  });

  it('writes over what an alias brings, and is refused where another place would change too', () => {
    const shared = 'exploration: &e { eta: 1, kernel: cps }\nrollout: *e\n';
    expect(after(shared, { kind: 'set', path: 'rollout.eta', value: 2 })).toBe(
      'exploration: &e { eta: 1, kernel: cps }\nrollout: { <<: *e, eta: 2 }\n',
    );
    expect(after(shared, { kind: 'set', path: 'exploration.eta', value: 2 })).toBeNull();
    expect(after(shared, { kind: 'remove', path: 'rollout.eta' })).toBeNull();
  });

  it('adds many keys at once in their order', () => {
    const added = (paths: string[]) => paths.map((path, i): Edit => ({ kind: 'set', path, value: i }));
    const paths = [
      'seed',
      'policy.threads',
      'policy.devices',
      'exploration.eta',
      'exploration.sigma_max',
      'rollout.generations',
    ];
    expect(
      after(
        'name: a\nexploration: { kernel: cps, last_step: ode }\nseed: 9\npolicy:\n  model: shapes\n',
        ...added(paths),
      ),
    ).toBe(
      'name: a\nexploration: { kernel: cps, eta: 3, sigma_max: 4, last_step: ode }\nrollout:\n  generations: 5\nseed: 0\npolicy:\n  model: shapes\n  threads: 1\n  devices: 2\n',
    );
  });

  it('ends a block before it begins the next, in whatever order both are added', () => {
    const [prompts, threads, devices]: Edit[] = [
      { kind: 'set', path: 'prompts', value: ['a red circle', 'b: c'] },
      { kind: 'set', path: 'policy.threads', value: 2 },
      { kind: 'set', path: 'policy.devices', value: 1 },
    ];
    const text = 'policy:\n  model: shapes # ours\n\nreward: { python: a.py }\n';
    const added =
      'policy:\n  model: shapes # ours\n  threads: 2\n  devices: 1\n\nprompts:\n  - a red circle\n  - "b: c"\n\nreward: { python: a.py }\n';
    expect(after(text, prompts, threads, devices)).toBe(added);
    expect(after(text, devices, prompts, threads)).toBe(added);
    expect(after(text, threads, devices, prompts)).toBe(added);
    const max: Edit = { kind: 'set', path: 'evaluation.max_videos', value: 4 };
    expect(after(text.replaceAll('\n', '\r\n'), max, prompts, devices, threads)).toBe(
      `${added}\nevaluation:\n  max_videos: 4\n`.replaceAll('\n', '\r\n'),
    );
  });

  it('takes the comments above a key along, below a first line that is empty', () => {
    const edit: Edit = { kind: 'remove', path: 'name' };
    expect(editText('\n# mine\nname: a\nseed: 1\n', [edit], undefined, true)?.text).toBe('\n# mine\nseed: 1\n');
    const inner: Edit = { kind: 'remove', path: 'policy.model' };
    const text = '\npolicy:\n  # mine\n  model: shapes\n  threads: 1\n';
    expect(editText(text, [inner], undefined, true)?.text).toBe('\npolicy:\n  threads: 1\n');
  });

  it('is refused in a text that is not YAML', () => {
    expect(after('a: [\nb: 1', { kind: 'set', path: 'a', value: 1 })).toBeNull();
  });
});

/** What edits mean, written down a second time. */
function meant(root: Record<string, unknown>, edit: Edit): void {
  const at = (path: string) => {
    const parts = path.split('.');
    let block = root;
    for (const part of parts.slice(0, -1)) {
      if (typeof block[part] !== 'object' || block[part] === null) return null;
      block = block[part] as Record<string, unknown>;
    }
    return { block, name: parts[parts.length - 1] };
  };
  const put = (path: string, value: unknown) => {
    let block = root;
    const parts = path.split('.');
    for (const part of parts.slice(0, -1)) block = (block[part] ??= {}) as Record<string, unknown>;
    block[parts[parts.length - 1]] = value;
  };
  const from = at(edit.path);
  if (edit.kind === 'set') return put(edit.path, structuredClone(edit.value));
  if (from === null || !(from.name in from.block)) return;
  const value = from.block[from.name];
  delete from.block[from.name];
  if (edit.kind === 'rename') from.block[edit.name] = value;
  if (edit.kind === 'move') put(edit.to, value);
}

describe('Edits of any config', () => {
  const leaves = flatten(rootKey).filter(({ kind, path }) => kind !== 'block' && path !== 'prompts');
  const valueOf = (info: KeyInfo): fc.Arbitrary<unknown> => {
    if (info.kind === 'choice') return fc.constantFrom(...info.choices);
    if (info.kind === 'boolean') return fc.boolean();
    if (info.kind === 'integer') return fc.integer({ min: -5, max: 100000 });
    if (info.kind === 'number') return fc.constantFrom(0, 1e-7, 2.5e-5, 0.5, -3.25, 1e9, 12);
    return fc.constantFrom(
      'plain',
      'a: b',
      '# no',
      "it's",
      '"q"',
      '',
      '12',
      'null',
      '- a',
      '{x}',
      'a, b',
      ' ä ',
      'a\nb',
      null,
    );
  };
  const written = fc
    .uniqueArray(fc.constantFrom(...leaves), { minLength: 1, maxLength: 24, selector: ({ path }) => path })
    .chain((infos) => fc.tuple(fc.constant(infos), fc.tuple(...infos.map(valueOf))))
    .map(([infos, values]) => infos.map((info, i) => [info.path, values[i]] as const));

  /** Data as text in a style that is drawn; every comment names the path that it stands at. */
  function layout(pairs: readonly (readonly [string, unknown])[], draw: () => number): string {
    const data: Record<string, unknown> = {};
    for (const [path, value] of pairs) meant(data, { kind: 'set', path, value });
    const scalar = (value: unknown, flow: boolean) => {
      if (typeof value !== 'string') return String(value);
      const isPlain = /^[a-z][a-z_0-9-]*$/.test(value) && value !== 'null';
      if (isPlain && draw() < 0.6) return value;
      if (!flow && draw() < 0.2 && /^[a-z]/.test(value) && !value.includes('\n')) return `|-\n          ${value}`;
      return draw() < 0.5 || /[^\x20-\x7e]/.test(value) ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`;
    };
    const flow = (value: unknown): string => {
      if (typeof value !== 'object' || value === null) return scalar(value, true);
      const pad = draw() < 0.5 ? ' ' : '';
      const items = Object.entries(value).map(([name, child]) => `${name}: ${flow(child)}`);
      return `{${pad}${items.join(`,${draw() < 0.8 ? ' ' : ''}`)}${pad}}`;
    };
    const block = (value: object, path: string, indent: string): string[] =>
      Object.entries(value).flatMap(([name, child]) => {
        const at = path === '' ? name : `${path}.${name}`;
        const lines: string[] = [];
        if (draw() < 0.2) lines.push('');
        if (draw() < 0.2) lines.push(`${indent}# own <${path}>`);
        const isBlock = typeof child === 'object' && child !== null;
        const text = isBlock ? '' : scalar(child, false);
        const tail = draw() < 0.3 && !text.includes('\n') ? ` # tail <${at}>` : '';
        if (!isBlock) lines.push(`${indent}${name}: ${text}${tail}`);
        else if (draw() < 0.3) lines.push(`${indent}${name}: ${flow(child)}${tail}`);
        else lines.push(`${indent}${name}:${tail}`, ...block(child, at, `${indent}  `));
        return lines;
      });
    const lines = ['# header', ...block(data, '', '')].join('\n') + (draw() < 0.8 ? '\n' : '');
    return draw() < 0.3 ? lines.replaceAll('\n', '\r\n') : lines;
  }

  const edit = fc.oneof(
    fc
      .constantFrom(...leaves)
      .chain((info) => valueOf(info).map((value): Edit => ({ kind: 'set', path: info.path, value }))),
    fc.constantFrom<Edit>(
      { kind: 'set', path: 'exploration.window', value: { first: 0, last: 3 } },
      { kind: 'set', path: 'prompts', value: { file: 'a.txt' } },
      { kind: 'set', path: 'prompts', value: ['a red circle', 'b: c'] },
      { kind: 'set', path: 'policy.adapter', value: { kind: 'lora', rank: 4 } },
    ),
    fc.nat().map((n) => ({ pick: n, kind: 'remove' as const })),
    fc.nat().map((n) => ({ pick: n, kind: 'rename' as const })),
    fc
      .tuple(fc.nat(), fc.constantFrom(...leaves))
      .map(([n, { path }]) => ({ pick: n, kind: 'move' as const, to: path })),
  );

  type Picked =
    { pick: number; kind: 'remove' } | { pick: number; kind: 'rename' } | { pick: number; kind: 'move'; to: string };

  /** A drawn edit, of a path that is written. */
  function settle(drawn: Edit | Picked, paths: string[]): Edit {
    if (!('pick' in drawn)) return drawn;
    const path = paths[drawn.pick % paths.length];
    if (drawn.kind === 'rename') return { kind: 'rename', path, name: 'renamed' };
    return drawn.kind === 'remove' ? { kind: 'remove', path } : { kind: 'move', path, to: drawn.to };
  }

  it('say in the text what they say of plain data, and keep every other line and comment', () => {
    fc.assert(
      fc.property(
        written,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        (pairs, styles, drawn) => {
          const text = layout(pairs, () => styles.next().value);
          const tree = readTree(text);
          expect(tree.diagnostics).toEqual([]);
          const edits = drawn.map((each) => settle(each, [...tree.places.keys()]));
          fc.pre(edits.every((each) => each.kind !== 'move' || !within(each.to, each.path)));
          const expected = JSON.parse(JSON.stringify(tree.value)) as Record<string, unknown>;
          for (const each of edits) meant(expected, each);
          const document = TextDocument.create('file:///a.sage.yaml', 'sage-yaml', 1, text);
          const result = textEdits(asked(text).config, edits);
          expect(result).not.toBeNull();
          const changed = TextDocument.applyEdits(document, result!);
          expect(JSON.parse(JSON.stringify(readTree(changed).value))).toEqual(expected);
          expect(/[^\r]\n/.test(changed) && /\r\n/.test(changed)).toBe(false);
          const touched = edits.flatMap((each) => [each.path, ...(each.kind === 'move' ? [each.to] : [])]);
          for (const [comment, place] of text.matchAll(/# (?:own|tail) <(.*?)>/g))
            if (!touched.some((path) => within(place, path))) expect(changed).toContain(comment);
          for (const line of text.split(/\r?\n/)) {
            const key = /^ *([a-z_0-9A-Z]+): .*# tail <(.*)>$/.exec(line)?.[2];
            if (key !== undefined && !touched.some((path) => within(key, path) || within(path, key)))
              expect(changed).toContain(line);
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  const within = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}.`);
});
