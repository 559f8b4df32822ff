import { describe, expect, it } from 'vitest';
import { hereOf } from '../../../src/language/server/facts/here.ts';
import { estimateConfig } from '../../../engine/config/estimate/estimate.ts';
import { bytesWords, secondsWords } from '../../../engine/config/estimate/words.ts';
import { inlayHints } from '../../../src/language/server/features/hints.ts';
import { figureHints } from '../../../src/language/server/features/hints/figures-of.ts';
import { hintKinds } from '../../../src/language/server/settings.ts';
import { asked } from '../../support/language.ts';
import { presets, spoiltPresets } from '../../support/spoilt-presets.ts';

const whole = { start: { line: 0, character: 0 }, end: { line: 1e6, character: 0 } };

/** Those of estimates are left out where they are not meant. */
const withoutEstimates = { tokens: false, time: false, memory: false };

const hintsOf = (text: string, chosen: object = {}, range = whole) =>
  inlayHints(asked(text, undefined, { inlayHints: { ...withoutEstimates, ...chosen } }), range);

/** A text with its hints where an editor shows them. */
function shown(text: string, chosen: object = {}): string {
  const lines = text.split('\n');
  for (const { position, label } of hintsOf(text, chosen).toReversed()) {
    const line = lines[position.line];
    lines[position.line] = `${line.slice(0, position.character)} «${String(label)}»${line.slice(position.character)}`;
  }
  return lines.join('\n');
}

const text = `policy: {model: shapes}
rollout: # how many
  prompts_per_iteration: 8
  generations: 8
training:
  micro_batch: 32
  accumulation: 2   
  steps_per_sample: 4
evaluation:
  every: 10
  steps: null
videos:
`;

it('stand at the ends of the lines that they follow from', () => {
  expect(shown(text)).toMatchInlineSnapshot(`
    "policy: {model: shapes}
    rollout: # how many «64 rollouts an iteration»
      prompts_per_iteration: 8
      generations: 8
    training: «4 updates an iteration»
      micro_batch: 32
      accumulation: 2 «effective batch 64»   
      steps_per_sample: 4
    evaluation:
      every: 10
      steps: null «→ 10, as sampling.steps»
    videos: «every → 5, per_prompt → all 8 generations, evaluation → 24, scale → 8, + 1»
    "
  `);
});

it('show their arithmetic', () => {
  const tooltips = hintsOf(text).map(({ tooltip }) => (tooltip as { value: string }).value);
  expect(tooltips.slice(0, 3)).toEqual([
    '8 prompts × 8 generations = 64 rollouts an iteration, 3,840 in 60 iterations.',
    '64 rollouts / 32 = 2 micro-batches; × 4 trained steps = 8 replays; / 2 = 4 updates an iteration, 240 in the run.',
    'An update averages 64 samples, each at one step: micro_batch 32 × accumulation 2.',
  ]);
  expect(tooltips.at(-1)).toContain('| `quality` | `26` |');
});

describe('each kind', () => {
  const labels: Partial<Record<string, string>> = {
    rollouts: '64 rollouts',
    updates: '4 updates',
    batch: 'effective batch',
    defaults: '→',
  };
  it.each(Object.entries(labels))('%s can be turned off by itself', (kind, label) => {
    expect(shown(text)).toContain(label);
    const without = shown(text, { [kind]: false });
    for (const [other, words] of Object.entries(labels)) expect(without.includes(words!)).toBe(other !== kind);
  });

  it('can be turned off, so that nothing is left', () => {
    const none = Object.fromEntries(hintKinds.map((kind) => [kind, false]));
    expect(inlayHints(asked(text, undefined, { inlayHints: none }), whole)).toEqual([]);
  });
});

it('only those of the range that is asked for are given', () => {
  const range = { start: { line: 4, character: 0 }, end: { line: 6, character: 3 } };
  const lines = hintsOf(text, {}, range).map(({ position }) => position.line);
  expect(lines).toEqual([4, 6]);
});

describe('where a value is refused', () => {
  it('nothing that follows from it is shown', () => {
    const refused = shown(text.replace('generations: 8', 'generations: many'));
    expect(refused).not.toMatch(/«64|«4 updates|effective|per_prompt/);
    expect(refused).toContain('→ 10, as sampling.steps');
  });

  it('a division that fails shows no updates, but the rollouts', () => {
    const refused = shown(text.replace('micro_batch: 32', 'micro_batch: 7'));
    expect(refused).toContain('«64 rollouts an iteration»');
    expect(refused).not.toMatch(/update|effective/);
  });

  it('and in a text that cannot be read none is shown', () => {
    expect(inlayHints(asked(`${text}seed: [\n`), whole)).toEqual([]);
  });
});

describe('defaults', () => {
  it('of the model are shown after the last key of a block that leaves them out', () => {
    const large =
      'policy: {model: hunyuan-video-1.5}\nprompts: [a]\nsampling:\n  steps: 20 # T\n\nrollout: {generations: 4}\n';
    expect(shown(large)).toContain(
      '  steps: 20 # T «shift → 5, guidance → 6, frames → 81, height → 352, + 1»\n\nrollout: {generations: 4}',
    );
  });

  it('that are the same for every model are not shown where a block is written', () => {
    expect(shown('policy: {model: shapes}\nexploration: {eta: 1}\ncheckpoints:\n  keep: 2\n')).not.toContain('«');
  });

  it('stand beside every null', () => {
    const nulls =
      'policy: {model: shapes, weights: null}\ntraining: {steps_per_sample: }\nexploration:\n  window: ~\nreward:\n  # weights: {TA: 1}\n';
    const lines = shown(nulls).split('\n');
    expect(lines[0]).toContain('«→ the released weights of shapes»');
    expect(lines[1]).toContain('«→ all 9 explored steps»');
    expect(lines[3]).toBe('  window: ~ «→ all 10 steps»');
    expect(lines[4]).toBe('reward: «model → shapes-judge, held_out → [], advantage_clip → 5»');
  });

  it('that come from what a config extends say so', () => {
    const config = asked('extends: mine\nexploration:\n  kernel: sage\n');
    // As the analysis answers for a config whose base writes these two.
    const based = new Set(['exploration.eta', 'sampling.shift']);
    Object.assign(config.config.analysis, {
      originOf: (path: string) =>
        based.has(path)
          ? { kind: 'base', name: 'mine', file: '/config/mine.sage.yaml', place: { value: { line: 3 } } }
          : { kind: path === 'exploration.kernel' ? 'written' : 'default' },
    });
    const found = inlayHints(config, whole).filter(({ label }) => /gives|→/.test(String(label)));
    expect(found.map(({ position, label }) => [position.line, label])).toEqual([
      [0, 'gives 2 values'],
      [2, 'eta → 0.5 (mine)'],
    ]);
    expect((found[0].tooltip as { value: string }).value).toContain('| `sampling.shift` | `3` | `mine` |');
  });

  it('stand at the last key although a comment follows', () => {
    expect(shown('evaluation:\n  every: 5\n  # steps: 3\nseed: 1\n')).toBe(
      'evaluation:\n  every: 5 «steps → 10, as sampling.steps»\n  # steps: 3\nseed: 1\n',
    );
  });
});

describe('estimates', () => {
  const { text: config } = presets.find(({ name }) => name === 'hunyuan-video-1.5')!;
  const here = hereOf(asked(config).config)!;
  const hint = (kind: string) => figureHints.find((each) => each.kind === kind)!.show(here);

  it('are labelled as such, with what they assume', () => {
    const { seconds, memory, assumptions } = estimateConfig(here.config, { evaluationPrompts: 16 });
    expect(hint('tokens')).toMatchObject({ label: '18,018 tokens a video' });
    expect(hint('time')!.label).toBe(`estimated ${secondsWords(seconds.run)}`);
    expect(hint('time')!.tooltip).toContain(
      `300 iterations × ${secondsWords(seconds.iteration)} and 16 evaluations × `,
    );
    expect(hint('time')!.tooltip).toContain(`- ${assumptions[0]}`);
    expect(hint('memory')!.label).toBe(`estimated ${bytesWords(memory.total)} a GPU`);
    const atPeak = memory.parts.filter(({ stage }) => stage === null || stage === memory.stage);
    for (const { bytes } of atPeak) expect(hint('memory')!.tooltip).toContain(` | ${bytesWords(bytes)} |`);
  });
});

it('no text is too spoilt to be asked for hints', () => {
  let count = 0;
  for (const spoilt of spoiltPresets(100, 3)) count += inlayHints(asked(spoilt), whole).length;
  expect(count).toBeGreaterThan(100);
});
