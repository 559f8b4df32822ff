import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../engine/package-root.ts';
import { flatten, keyAt, rootKey, type KeyInfo } from '../../../engine/config/walk.ts';
import { hover } from '../../../src/language/server/features/hover.ts';
import { sectionOf } from '../../../src/language/server/paper.ts';
import { asked, cursor, positions } from '../../support/language.ts';
import { presets, spoiltPresets } from '../../support/spoilt-presets.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-hover-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a user sees at the `|` of a text, as Markdown. */
function hoverAt(marked: string, file?: string): string | null {
  const { text, at } = cursor(marked);
  const found = hover(asked(text, file), at);
  return found === null ? null : (found.contents as { value: string }).value;
}

/** A config in which every key of the schema is written, with its default. */
function everyKey(block: KeyInfo, indent = ''): string {
  return block.children
    .filter((info) => info.kind === 'block' || info.default !== undefined)
    .map((info) => {
      if (info.kind === 'block' && !info.nullable) return `${indent}${info.name}:\n${everyKey(info, `${indent}  `)}`;
      const value = info.name === 'window' ? '{first: 1, last: 4}' : JSON.stringify(info.default ?? null);
      return `${indent}${info.name}: ${value}\n`;
    })
    .join('');
}

describe('every position', () => {
  it.each(presets)('of the preset $name is answered, and every key has a hover', ({ text, file }) => {
    const config = asked(text, file);
    for (const at of positions(text)) hover(config, at);
    for (const [written, { key }] of config.config.analysis.tree.places) {
      const info = keyAt(written);
      if (info === null || key === null) continue;
      const found = hover(config, { line: key.line - 1, character: key.column - 1 });
      expect((found?.contents as { value: string }).value, written).toContain(info.meta.description);
      expect(found?.range?.start).toEqual({ line: key.line - 1, character: key.column - 1 });
    }
  });

  it('of 200 spoilt presets is answered', () => {
    let found = 0;
    for (const text of spoiltPresets(200, 20261123)) {
      const config = asked(text);
      for (const at of positions(text)) if (hover(config, at) !== null) found++;
    }
    expect(found).toBeGreaterThan(10_000);
  });
});

it('every key of the schema has a hover, on itself and on its value', () => {
  // With a reward that has every component.
  const models = '[shapes-judge, clipscore, pickscore]';
  const text = everyKey(rootKey).replace('"shapes-judge"', models).replace('"onnx"', '"torch"');
  const config = asked(text);
  const { places } = config.config.analysis.tree;
  expect(config.config.analysis.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  for (const info of flatten(rootKey)) {
    if (info.kind !== 'block' && info.default === undefined && !info.path.includes('window')) continue;
    const place = places.get(info.path);
    expect(place, info.path).toBeDefined();
    const isEmpty = Array.isArray(info.default);
    const value = places.get(`${info.path}.0`)?.value ?? place!.value;
    for (const { line, column } of [place!.key!, ...(info.kind === 'block' || isEmpty ? [] : [value])]) {
      const found = hover(config, { line: line - 1, character: column - 1 });
      expect(JSON.stringify(found?.contents), info.path).toContain(info.path);
    }
  }
});

it('says what a user wants to know of a key', async () => {
  const root = pathToFileURL(packageRoot()).href;
  const { text, file } = presets.find(({ name }) => name === 'shapes')!;
  const config = asked(text, file);
  const shown = (of: typeof config, key: string) => {
    const { line, column } = of.config.analysis.tree.places.get(key)!.key!;
    const found = hover(of, { line: line - 1, character: column - 1 });
    return (found!.contents as { value: string }).value.replaceAll(root, 'ROOT');
  };
  const keys = [
    ...['name', 'reward.model', 'prompts', 'sampling.steps', 'exploration', 'exploration.kernel', 'exploration.eta'],
    ...['rollout.generations', 'reward.weights.TA', 'training', 'training.steps_per_sample', 'equalizer.mode'],
    ...['trust_region.anchor.interval', 'evaluation.every', 'checkpoints.every', 'videos.every'],
  ];
  const large = presets.find(({ name }) => name === 'hunyuan-video-1.5')!;
  const largeConfig = asked(large.text, large.file);
  const largeKeys = ['policy.devices', 'sampling.guidance', 'training.learning_rate', 'trust_region.beta', 'prompts'];
  const all = [...keys.map((key) => shown(config, key)), ...largeKeys.map((key) => shown(largeConfig, key))];
  await expect(all.join('\n\n════════\n\n')).toMatchFileSnapshot('hover.snapshot.txt');
});

describe('a value', () => {
  it('that is a word in a list says what that word does', () => {
    const said = hoverAt('policy: {backend: torch}\nreward:\n  held_out: [clipscore, pick|score]\n')!;
    expect(said).toContain('`pickscore`: PickScore');
    expect(said).not.toContain('`clipscore`: ');
  });
  it('that weighs a component of an own name says that it does', () => {
    const said = hoverAt('policy: {backend: torch}\nreward: {python: "a.py:score", weights: {smo|oth: 2}}\n')!;
    expect(said).toContain('Weight of a component that the function of `reward.python` gives.');
  });

  it('that is a word says what that word does', () => {
    const said = hoverAt('exploration:\n  kernel: flow|_grpo\n')!;
    expect(said).toContain("`flow_grpo`: Euler's variance at the noisy end of the step (Flow-GRPO).");
    expect(said).not.toContain('dance_grpo`:');
  });

  it('that is refused is not reckoned with', () => {
    expect(hoverAt('exploration:\n  e|ta: 0.5\n')).toContain('**Here**');
    const refused = hoverAt('exploration:\n  e|ta: much\n')!;
    expect(refused).toContain('Strength of the exploration noise.');
    expect(refused).not.toContain('**Here**');
    expect(refused).not.toContain('Written here');
  });

  it('that depends on a refused one is not reckoned with either, but others are', () => {
    const text = 'sampling:\n  steps: none\nrollout:\n  generations: 8\nexploration:\n  eta: 1\n';
    expect(hoverAt(text.replace('eta', 'e|ta'))).not.toContain('**Here**');
    expect(hoverAt(text.replace('generations', 'gener|ations'))).toContain('**Here**');
  });

  it('of null says what it stands for', () => {
    expect(hoverAt('evaluation:\n  ste|ps:\n')).toContain('Written here as `null`: 10, as `sampling.steps`.');
    expect(hoverAt('training: {steps_per_sample: nu|ll}\n')).toContain('all 9 explored steps');
  });

  it('in a block that is hovered tells where it comes from', () => {
    const said = hoverAt('sampl|ing:\n  steps: 12\n  shift: -1\n')!;
    expect(said).toContain('| `steps` | `12` | written here |');
    expect(said).toContain('| `guidance` | `1` | default |');
    expect(said).toContain('| `shift` | | refused |');
  });
});

it('a value of a base leads to the line that says it', () => {
  const config = asked('exploration:\n  kernel: sage\n');
  const place = { value: { line: 15 } };
  Object.assign(config.config.analysis, {
    originOf: (path: string) =>
      path === 'exploration.kernel'
        ? { kind: 'base', name: 'shapes', file: '/presets/shapes.sage.yaml', place }
        : { kind: 'default' },
  });
  const said = JSON.stringify(hover(config, { line: 1, character: 3 })?.contents);
  expect(said).toContain(
    'From `shapes`, which this config extends ([line 15](file:///presets/shapes.sage.yaml#L15)): `sage`.',
  );
});

describe('a key that does not exist', () => {
  it('is told with the key that was meant', () => {
    const said = hoverAt('exploration:\n  ete|: 1\n')!;
    expect(said).toMatch(/There is no key "ete" in exploration\. Did you mean `eta`\?/);
    expect(said).toContain('Strength of the exploration noise.');
  });

  it('may belong elsewhere, by the name that others give it', () => {
    const said = hoverAt('exploration:\n  num_inference_ste|ps: 12\n')!;
    expect(said).toContain('**`sampling.steps`**');
  });

  it('that resembles none is told as unknown', () => {
    expect(hoverAt('xyzzy|: 1\n')).toMatch(/^There is no key "xyzzy" in a config\./);
  });
});

describe('an alias', () => {
  const text =
    'prompts: &all\n  - a red circle moving left\n  - a blue square moving up\nevaluation:\n  prompts: *all\n  seed: &s 3\n';

  it('says what it stands for, and what its key does', () => {
    const said = hoverAt(text.replace('*all', '*al|l'))!;
    expect(said).toMatch(
      /`\*all` stands for what is anchored in line 2:\n\n```yaml\n- a red circle moving left\n- a blue/,
    );
    expect(said).toContain('Prompts of the evaluation');
  });

  it('that merges a block shows the block', () => {
    const merged = 'training: &t\n  micro_batch: 4\n  beta1: 0.8\nequalizer:\n  <<: *|t\n';
    expect(hoverAt(merged)).toContain('```yaml\nmicro_batch: 4\nbeta1: 0.8\n```');
  });

  it('of nothing is told', () => {
    expect(hoverAt('seed: *no|ne\n')).toContain('There is no anchor `&none` above.');
  });

  it('has an anchor, which says where it is used', () => {
    expect(hoverAt(text.replace('&all', '&a|ll'))).toBe(
      'This block or list is anchored as `all`, for `*all` to stand for it elsewhere. It is used in line 5.',
    );
    expect(hoverAt(text.replace('&s', '&|s'))).toContain('It is not used.');
  });
});

it('prompts are counted, also those of a file', () => {
  expect(hoverAt('prompts:\n  - a red circle moving left\n  - a green square mov|ing up\n')).toContain('prompt 2 of 2');
  writeFileSync(path.join(folder, 'p.txt'), 'a red circle moving left\na blue circle moving left\n# no prompt\n');
  const said = hoverAt(
    'prompts: {fi|le: p.txt}\nrollout: {prompts_per_iteration: 1}\n',
    path.join(folder, 'a.sage.yaml'),
  )!;
  expect(said).toContain('Prompt file, relative to the config');
  expect(said).toContain('2 prompts, 1 an iteration: each is drawn once in 2 iterations');
});

it('a key is explained while a line elsewhere is half-typed', () => {
  const said = hoverAt('policy: {model: wan-2.1}\nexploration:\n  e|ta: 0.5\nsampling:\n  - {steps\n')!;
  expect(said).toContain('Strength of the exploration noise.');
  expect(hoverAt('policy:\n  model: wan-2.1\nsampling:\n  ste|ps: 3\nrollout: [\n')).toContain(
    'default `20` for wan-2.1',
  );
});

it('nothing of a config is read as Markdown or HTML', () => {
  const said = hoverAt('na|me: "a`b <img src=x> [x](command:y)"\nseed: &a 1\n')!;
  expect(said).not.toContain('<img');
  expect(hoverAt('"<b>x</b>`|": 1\n')).toMatch(/There is no key "<b>x<\/b>`"/);
});

it('comments and blank lines have no hover', () => {
  expect(hoverAt('# about e|ta\nseed: 1\n')).toBeNull();
  expect(hoverAt('seed: 1\n|\nname: a\n')).toBeNull();
});

it('the sections of the method that hovers lead to are on its page', () => {
  const page = readFileSync(path.join(packageRoot(), 'docs', 'method.md'), 'utf8');
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title);
  const uri = pathToFileURL(path.join(packageRoot(), 'docs', 'method.md')).href;
  const explained = flatten(rootKey).filter((info) => sectionOf(info.path) !== null);
  for (const info of explained) expect(headings, info.path).toContain(sectionOf(info.path)!.title);
  expect(explained.length).toBeGreaterThan(40);
  expect(sectionOf('equalizer')!.uri).toBe(`${uri}#gradient-norm-equalizer`);
  expect(sectionOf('trust_region.beta')!.uri).toBe(`${uri}#%CE%B2`);
});

it('a key is explained in its own section, else in that of its block', () => {
  const titles = (...keys: string[]) => keys.map((key) => sectionOf(key)?.title ?? null);
  expect(titles('rollout', 'rollout.generations')).toEqual(['One iteration', 'Rewards and advantages']);
  expect(titles('training', 'training.beta1', 'training.clip_range')).toEqual([
    'Optimizer',
    'Optimizer',
    'Loss of one sample at one step',
  ]);
  expect(titles('exploration.window.first', 'reward.weights')).toEqual([
    'Exploration kernels',
    'Rewards and advantages',
  ]);
  expect(titles('policy.model', 'prompts.file', 'no.such.key')).toEqual([null, null, null]);
});
