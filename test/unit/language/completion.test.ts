import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompletionItemKind, type CompletionItem, type TextEdit } from 'vscode-languageserver/node';
import { listPresets } from '../../../engine/config/presets.ts';
import { complete } from '../../../src/language/server/features/completion.ts';
import { around } from '../../../src/language/server/features/completion/around.ts';
import { baseOffers } from '../../../src/language/server/features/completion/files.ts';
import { spotAt } from '../../../src/language/server/features/completion/spot.ts';
import { asked, cursor } from '../../support/language.ts';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sage-complete-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is offered at the `|`, for a config in the folder. */
async function offered(marked: string, settings: object = { commands: true }): Promise<CompletionItem[]> {
  const { text, at } = cursor(marked);
  return complete(asked(text, join(folder, 'example.sage.yaml'), settings), at);
}

/** As a list shows it: name, what is inserted, what it is; the first to choose is starred. */
async function shown(marked: string, limit = 20, settings?: object): Promise<string> {
  const items = await offered(marked, settings);
  const lines = items.slice(0, limit).map((item) => {
    const inserted = JSON.stringify((item.textEdit as TextEdit).newText.slice(0, 60)).slice(1, -1);
    return `${item.preselect === true ? '* ' : ''}${item.label} → ${inserted} (${item.detail ?? ''})`;
  });
  const more = items.length > limit ? [`and ${items.length - limit} more`] : [];
  return `\n${[...lines, ...more].join('\n')}\n`;
}

const labels = async (marked: string, settings?: object) => (await offered(marked, settings)).map(({ label }) => label);

describe('keys', () => {
  it('begins an empty file with whole configs, then all blocks as people write them', async () => {
    expect(await shown('|', 40)).toMatchInlineSnapshot(`
      "
      Whole config: hunyuan-video-1.5 → # HunyuanVideo-1.5, full fine-tuning as in the paper: 32 GPU (HunyuanVideo-1.5, full fine-tuning as in the paper: 32 GPUs of 80 GB. Needs the torch policy (Python, CUDA).)
      Whole config: hunyuan-video-1.5-lora → # HunyuanVideo-1.5 with a LoRA adapter on one GPU of 80 GB.  (HunyuanVideo-1.5 with a LoRA adapter on one GPU of 80 GB. Needs the torch policy (Python, CUDA).)
      Whole config: shapes → # The quickstart: trains the embedded Shapes model on the CP (The quickstart: trains the embedded Shapes model on the CPU in one to two minutes.)
      Whole config: shapes-compare → # Flow-GRPO's kernel on the Shapes model, all else as in \`sh (Flow-GRPO's kernel on the Shapes model, all else as in \`shapes\`: run both, then \`sage-grpo compare\`.)
      Whole config: shapes-torch → # The Shapes model under the torch policy (Python, on a GPU  (The Shapes model under the torch policy (Python, on a GPU or a CPU), small: a check that Python and torch are set up.)
      Whole config: wan-2.1-lora → # Wan2.1 (1.3 B) with a LoRA adapter on one GPU of 24 GB. Ne (Wan2.1 (1.3 B) with a LoRA adapter on one GPU of 24 GB. Needs the torch policy (Python, CUDA).)
      extends → extends: $1 (text; default nothing)
      name → name: $1 (text; default the name of the file)
      seed → seed: \${1:42} (a whole number between 0 and 4294967295; default 42)
      policy → policy:\\n  $0 (block: model, backend, weights, threads, adapter, devices, sequence_parallel, precision, activation_checkpointing, guidance_batching, offload_anchor)
      policy: model → policy:\\n  model: \${1|shapes,hunyuan-video-1.5,wan-2.1|} (with its usual keys)
      prompts → prompts: $1 (a list of prompts, {file: …} or all; default \`all\`, for shapes; the other models have no default)
      prompts: all → prompts: all (the 72 of Shapes)
      prompts: a file → prompts: { file: \${1:prompts.txt} \\\\} (.txt, .csv or .jsonl)
      prompts: a list → prompts:\\n  - $1 (written here)
      sampling → sampling:\\n  $0 (block: steps, shift, guidance, train_guidance, frames, height, width)
      sampling: steps, shift → sampling:\\n  steps: \${1:10}\\n  shift: \${2:3} (with its usual keys)
      exploration → exploration:\\n  $0 (block: kernel, eta, sigma_max, last_step, window, clamp_both_ends)
      exploration: kernel, eta → exploration:\\n  kernel: \${1|sage,flow_grpo,dance_grpo,cps,ode (with its usual keys)
      rollout → rollout:\\n  $0 (block: prompts_per_iteration, generations)
      rollout: prompts_per_iteration, generations → rollout:\\n  prompts_per_iteration: \${1:4}\\n  generations: \${2: (with its usual keys)
      reward → reward:\\n  $0 (block: model, python, weights, held_out, checkpoints, advantage_clip)
      reward: model, weights → reward:\\n  model: \${1|shapes-judge,videoalign,clipscore,picks (with its usual keys)
      training → training:\\n  $0 (block: iterations, micro_batch, accumulation, steps_per_sample, learning_rate, learning_rate_schedule, weight_decay, beta1, beta2, epsilon, max_gradient_norm, clip_range, measure_gradient, measure_drift)
      training: iterations, micro_batch, accumulation, learning_rate → training:\\n  iterations: \${1:60}\\n  micro_batch: \${2:32}\\n  acc (with its usual keys)
      equalizer → equalizer:\\n  $0 (block: mode, decay, warmup)
      equalizer: mode → equalizer:\\n  mode: \${1|analytic,measured,none|} (with its usual keys)
      trust_region → trust_region:\\n  $0 (block: anchor, stepwise, beta)
      trust_region: anchor, stepwise, beta → trust_region:\\n  anchor: { mode: \${1|moving,fixed,none|}, int (with its usual keys)
      evaluation → evaluation:\\n  $0 (block: every, videos_per_prompt, steps, seed, prompts, max_videos)
      evaluation: every → evaluation:\\n  every: \${1:10} (with its usual keys)
      checkpoints → checkpoints:\\n  $0 (block: every, keep, keep_best)
      checkpoints: every, keep → checkpoints:\\n  every: \${1:20}\\n  keep: \${2:3} (with its usual keys)
      videos → videos:\\n  $0 (block: every, per_prompt, evaluation, scale, quality)
      videos: every → videos:\\n  every: \${1:5} (with its usual keys)
      "
    `);
  });
  it('offers the keys of a block on an empty line in it, without those that it has', async () => {
    expect(await shown('policy:\n  model: hunyuan-video-1.5\n  |\nseed: 1\n')).toMatchInlineSnapshot(`
      "
      backend → backend: $1 (onnx | torch; default torch)
      weights → weights: $1 (text (or null); default the released weights of the model)
      threads → threads: \${1:2} (a whole number between 1 and 1024; default 2)
      adapter → adapter:\\n  $0 (block: kind, rank, alpha)
      adapter: LoRA → adapter: { kind: \${1|lora,none|}, rank: \${2:64}, alpha: \${3: (with its usual keys)
      devices → devices: \${1:1} (a whole number between 1 and 65536; default 1)
      sequence_parallel → sequence_parallel: \${1:1} (a whole number between 1 and 1024; default 1)
      precision → precision: $1 (bf16 | fp32; default bf16)
      activation_checkpointing → activation_checkpointing: $1 (true or false; default true)
      guidance_batching → guidance_batching: $1 (auto | batched | sequential; default auto)
      offload_anchor → offload_anchor: $1 (true or false; default true)
      "
    `);
  });
  it('offers them for half a word, and between two lines', async () => {
    expect(await labels('sampling:\n  st|')).toContain('steps');
    expect(await labels('sampling:\n  steps: 4\n  sh|\n  frames: 8')).toEqual([
      'shift',
      'guidance',
      'train_guidance',
      'height',
      'width',
    ]);
  });
  it('replaces the whole word, also of a key that has its value', async () => {
    const [model] = await offered('policy:\n  mo|dl: shapes');
    expect(model.textEdit).toEqual({
      range: { start: { line: 1, character: 2 }, end: { line: 1, character: 6 } },
      newText: 'model',
    });
  });
  it('gives back the colon to a key that has lost it above its block', async () => {
    expect(await shown('seed: 1\npol|\n  model: shapes', 3)).toMatchInlineSnapshot(`
      "
      extends → extends: (text; default nothing)
      name → name: (text; default the name of the file)
      policy → policy: (block: model, backend, weights, threads, adapter, devices, sequence_parallel, precision, activation_checkpointing, guidance_batching, offload_anchor)
      and 11 more
      "
    `);
  });
  it('writes in braces with blanks and commas where they belong', async () => {
    expect(await shown('trust_region: { | }')).toMatchInlineSnapshot(`
      "
      anchor → anchor: { $1 \\\\} (block: mode, interval, weight)
      anchor: mode, interval → anchor: { mode: \${1|moving,fixed,none|}, interval: \${2:10} \\\\ (with its usual keys)
      stepwise → stepwise: { $1 \\\\} (block: estimator, weight)
      stepwise: estimator, weight → stepwise: { estimator: \${1|k3,k1,none|}, weight: \${2:0.1} \\\\} (with its usual keys)
      beta → beta: { $1 \\\\} (block: controller, initial, minimum, weight, target, ramp_calls)
      beta: controller, weight → beta: { controller: \${1|adaptive,constant,released|}, weight (with its usual keys)
      "
    `);
    expect(await shown('trust_region: {|}', 1)).toMatchInlineSnapshot(`
      "
      anchor →  anchor: { $1 \\\\}  (block: mode, interval, weight)
      and 5 more
      "
    `);
    expect(await shown('policy:\n  adapter: { kind: lora, | rank: 3 }')).toMatchInlineSnapshot(`
      "
      alpha → alpha: \${1:128},  (a number above 0 and at most 4096; default 128)
      "
    `);
  });
  it('offers choices as tab stops to an editor that cannot be asked to complete again', async () => {
    expect(await shown('equalizer:\n  |', 20, { commands: false })).toMatchInlineSnapshot(`
      "
      mode → mode: \${1|analytic,measured,none|} (analytic | measured | none; default analytic)
      decay → decay: \${1:0.9} (a number of at least 0 and below 1; default 0.9)
      warmup → warmup: \${1:5} (a whole number between 1 and 100000; default 5)
      "
    `);
  });
  it('offers the keys of a prompt file for both kinds of prompts', async () => {
    expect(await shown('prompts: { | }')).toMatchInlineSnapshot(`
      "
      file → file: $1 (text)
      column → column: $1 (text; default prompt)
      shuffle → shuffle: $1 (true or false; default true)
      "
    `);
    expect(await labels('evaluation:\n  prompts:\n    file: x.csv\n    |')).toEqual(['column', 'shuffle']);
  });
  it('offers in CRLF texts, in blocks that have an anchor, and beside a merge key', async () => {
    expect(await labels('equalizer:\r\n  mode: none\r\n  |\r\nseed: 1\r\n')).toEqual(['decay', 'warmup']);
    expect(await labels('equalizer: &e\n  mode: none\n  |')).toEqual(['decay', 'warmup']);
    expect(await labels('equalizer:\n  <<: *e\n  |')).toEqual(['mode', 'decay', 'warmup']);
    expect(await labels('equalizer:\n  &m mode: none\n  ? decay\n  : 0.5\n  |')).toEqual(['warmup']);
  });
  it.each([
    ['a comment', '# say |'],
    ['a line indented too far', 'policy:\n  model: shapes\n    |'],
    ['a line indented too little', 'policy:\n    model: shapes\n  |'],
    ['a blank line at the margin that would cut a block in two', 'policy:\n  model: shapes\n|\n  backend: onnx'],
    ['a line that breaks out of the braces around it', 'policy: {\n|\n}'],
    ['a line above half a key, which alone is a text', 'policy:\n  |\n  mod'],
    ['the place behind a value', 'seed: 1 |'],
    ['a block that the schema lacks', 'model:\n  |'],
    ['a prompt of real video', 'policy: { model: wan-2.1 }\nprompts:\n  - a boat |'],
    ['a second document', 'seed: 1\n---\n|'],
  ])('offers nothing in %s', async (_, marked) => {
    expect(await labels(marked)).toEqual([]);
  });
  it('indents by as much as the text does', async () => {
    const items = await offered('policy:\n    model: shapes\nrew|');
    const block = items.find(({ label }) => label === 'reward');
    expect((block!.textEdit as TextEdit).newText).toBe('reward:\n    $0');
  });
  it('finds its block though the text is broken elsewhere', async () => {
    expect(await labels('policy: { model: shapes,\nequalizer:\n  |')).toEqual(['mode', 'decay', 'warmup']);
    expect(await labels('name: "half\nequalizer:\n  |\nreward: ]\n')).toEqual(['mode', 'decay', 'warmup']);
    expect(await labels('polic\nequalizer:\n  mode: none\n  dec\n  w|\n')).toEqual(['decay', 'warmup']);
    expect(await labels('trust_region:\n  stepwise: { estimator: k3, |\nseed: 1')).toEqual(['weight']);
  });
  it('tells of a key what it does, its unit, range, defaults and name in the paper', async () => {
    const [steps] = await offered('policy: { model: wan-2.1 }\nsampling:\n  steps|');
    expect(steps).toMatchInlineSnapshot(`
      {
        "detail": "a whole number between 1 and 1000; default 20",
        "documentation": {
          "kind": "markdown",
          "value": "Sampling steps of a rollout. More steps cost time and leave less noise to explore at each.

      - Unit: steps
      - Range: a whole number between 1 and 1000
      - Default for wan-2.1: \`20\` (shapes: \`10\`)
      - Paper: T, sampling schedule",
        },
        "filterText": "steps",
        "insertTextFormat": 2,
        "kind": 10,
        "label": "steps",
        "sortText": "0000",
        "textEdit": {
          "newText": "steps: \${1:20}",
          "range": {
            "end": {
              "character": 7,
              "line": 2,
            },
            "start": {
              "character": 2,
              "line": 2,
            },
          },
        },
      }
    `);
    const window = (await offered('exploration:\n  |')).find(({ label }) => label === 'window');
    expect(window!.documentation).toMatchInlineSnapshot(`
      {
        "kind": "markdown",
        "value": "Explore and train only these steps (MixGRPO); the others follow the ODE.

      - Default for shapes: every step
      - Paper: MixGRPO window

      - \`first\`: First explored step, counted from 0.
      - \`last\`: Last explored step, included.",
      }
    `);
  });
});

describe('values', () => {
  it('tells of each word what it does, and marks the default of the model', async () => {
    expect(await shown('exploration:\n  kernel: |')).toMatchInlineSnapshot(`
      "
      * sage → sage (the exact variance of the SDE over the step (SAGE-GRPO); the default)
      flow_grpo → flow_grpo (Euler's variance at the noisy end of the step (Flow-GRPO))
      dance_grpo → dance_grpo (constant noise η√Δ (DanceGRPO))
      cps → cps (noise that keeps the marginals (coefficients-preserving sampling))
      ode → ode (no noise: nothing to train, for comparison only)
      "
    `);
    expect(await shown('policy: { model: wan-2.1, backend: | }')).toMatchInlineSnapshot(`
      "
      onnx → onnx (onnxruntime in this process, CPU; only for shapes)
      * torch → torch (the Python worker under torchrun, CUDA; the default)
      "
    `);
  });
  it('offers a word, or what a list of words has not yet', async () => {
    expect(await labels('reward:\n  held_out: |')).toEqual(['clipscore', 'pickscore', 'a list']);
    expect(await labels('reward:\n  held_out: [clipscore, |]')).toEqual(['pickscore']);
    expect(await labels('reward:\n  model:\n    - videoalign\n    - |')).toEqual([
      ...['shapes-judge', 'clipscore', 'pickscore'],
    ]);
  });
  it('puts the blank behind a colon that lacks it, and keeps quotes', async () => {
    expect(await shown('equalizer:\n  mode:|', 1)).toMatchInlineSnapshot(`
      "
      * analytic →  analytic (from the kernel table alone, as in the paper; the default)
      and 2 more
      "
    `);
    expect(await shown('equalizer:\n  mode: "no|"', 1)).toMatchInlineSnapshot(`
      "
      * analytic → \\"analytic\\" (from the kernel table alone, as in the paper; the default)
      and 2 more
      "
    `);
  });
  it('offers true and false, and null with what it stands for', async () => {
    expect(await shown('exploration:\n  clamp_both_ends: |')).toMatchInlineSnapshot(`
      "
      true → true ()
      * false → false (the default)
      "
    `);
    expect(await shown('training:\n  steps_per_sample: |', 40)).toMatchInlineSnapshot(`
      "
      1 → 1 (of 9 explored steps)
      2 → 2 (of 9 explored steps)
      3 → 3 (of 9 explored steps)
      4 → 4 (of 9 explored steps)
      5 → 5 (of 9 explored steps)
      6 → 6 (of 9 explored steps)
      7 → 7 (of 9 explored steps)
      8 → 8 (of 9 explored steps)
      9 → 9 (of 9 explored steps)
      * null → null (all explored steps; the default)
      "
    `);
  });
  it('writes a block behind its key on one line, or begins the lines below', async () => {
    expect(await shown('policy:\n  adapter: |')).toMatchInlineSnapshot(`
      "
      keys on lines below → \\n  $0 (kind, rank, alpha)
      { kind: lora, rank: 64, alpha: 128 } → { kind: \${1|lora,none|}, rank: \${2:64}, alpha: \${3:128} \\\\} ()
      "
    `);
    expect(await shown('exploration: { window: | }')).toMatchInlineSnapshot(`
      "
      { first: 0, last: 4 } → { first: \${1:0}, last: \${2:4} \\\\} ()
      * null → null (every step; the default)
      "
    `);
  });
  it('offers nothing behind the key of a block that is written below', async () => {
    expect(await labels('policy: |\n  model: shapes')).toEqual([]);
  });
  it('offers micro-batches that divide, and what each means', async () => {
    const rollout =
      'policy: { devices: 4, sequence_parallel: 2 }\nrollout: { prompts_per_iteration: 4, generations: 6 }\n';
    expect(await shown(`${rollout}training:\n  micro_batch: |`)).toMatchInlineSnapshot(`
      "
      1 → 1 (12 micro-batches on each of 2 ranks)
      2 → 2 (6 micro-batches on each of 2 ranks)
      3 → 3 (4 micro-batches on each of 2 ranks)
      4 → 4 (3 micro-batches on each of 2 ranks)
      6 → 6 (2 micro-batches on each of 2 ranks)
      12 → 12 (1 micro-batch on each of 2 ranks)
      "
    `);
    expect(await shown(`${rollout}training: { micro_batch: 12, accumulation: | }`)).toMatchInlineSnapshot(`
      "
      * 1 → 1 (9 updates an iteration; the default)
      3 → 3 (3 updates an iteration)
      9 → 9 (1 update an iteration)
      "
    `);
    expect(await labels('policy: { devices: 12, sequence_parallel: | }')).toEqual(['1', '2', '3', '4', '6', '12']);
  });
  it('offers numbers of steps that the kernel can take, and what they leave of the noise', async () => {
    expect(await shown('exploration: { kernel: sage }\nsampling: { shift: 12, steps: | }')).toMatchInlineSnapshot(`
      "
      4 → 4 (3 explored; σ after the first step 0.973)
      5 → 5 (4 explored; σ after the first step 0.980)
      8 → 8 (7 explored; σ after the first step 0.988)
      * 10 → 10 (9 explored; σ after the first step 0.991; the default)
      12 → 12 (11 explored; σ after the first step 0.992)
      15 → 15 (14 explored; σ after the first step 0.994)
      16 → 16 (15 explored; σ after the first step 0.994)
      20 → 20 (19 explored; σ after the first step 0.996)
      24 → 24 (23 explored; σ after the first step 0.996)
      25 → 25 (24 explored; σ after the first step 0.997)
      28 → 28 (27 explored; σ after the first step 0.997)
      "
    `);
  });
  it('offers the defaults of the models for any other number', async () => {
    expect(await shown('policy: { model: wan-2.1 }\ntraining:\n  learning_rate: |')).toMatchInlineSnapshot(`
      "
      * 1e-5 → 1e-5 (default)
      1e-4 → 1e-4 (default for shapes)
      "
    `);
  });
  it('offers anchors that are set above', async () => {
    expect(await labels('sampling: &base { steps: 4 }\nrollout:\n  <<: |\nx: &later 1')).toEqual(['*base']);
  });
});

describe('prompts of Shapes', () => {
  it('begins with a colour or a whole prompt', async () => {
    expect(await shown('prompts:\n  - |', 8)).toMatchInlineSnapshot(`
      "
      a red … → a red  ()
      a green … → a green  ()
      a blue … → a blue  ()
      a yellow … → a yellow  ()
      a magenta … → a magenta  ()
      a cyan … → a cyan  ()
      a red circle moving left → a red circle moving left ()
      a red circle moving right → a red circle moving right ()
      and 70 more
      "
    `);
  });
  it('goes on word by word', async () => {
    expect(await shown('prompts:\n  - a red |', 4)).toMatchInlineSnapshot(`
      "
      circle → a red circle  ()
      square → a red square  ()
      triangle → a red triangle  ()
      a red circle moving left → a red circle moving left ()
      and 11 more
      "
    `);
    expect(await shown('prompts: [a red circle m|]', 5)).toMatchInlineSnapshot(`
      "
      moving left → a red circle moving left ()
      moving right → a red circle moving right ()
      moving up → a red circle moving up ()
      moving down → a red circle moving down ()
      a red circle moving left → a red circle moving left ()
      and 3 more
      "
    `);
    expect(await shown('prompts:\n  - "a re|"', 1)).toMatchInlineSnapshot(`
      "
      red → \\"a red $0\\" ()
      and 17 more
      "
    `);
  });
  it('leaves out prompts that the list has', async () => {
    const found = await labels('prompts:\n  - a red circle moving left\n  - a red circle |');
    expect(found).toContain('a red circle moving right');
    expect(found).not.toContain('a red circle moving left');
  });
});

describe('files', () => {
  beforeAll(() => {
    for (const inner of ['data/deep', 'node_modules', '.git', 'two words'])
      mkdirSync(join(folder, inner), { recursive: true });
    for (const name of ['b.txt', 'notes.md', 'other.sage.yaml', 'data/deep/c.jsonl', 'two words/d.txt'])
      writeFileSync(join(folder, name), '{"prompt": "a boat", "style": "oil", "n": 1}\n');
    writeFileSync(join(folder, 'data/a.csv'), '\uFEFFcaption,"long, caption"\r\nA boat,"A boat, drifting"\r\n');
    writeFileSync(join(folder, 'data/broken.csv'), '"caption\n');
    symlinkSync(join(folder, 'data'), join(folder, 'link'));
  });
  it('completes the path of a prompt file step by step', async () => {
    expect(await shown('prompts: { file: | }')).toMatchInlineSnapshot(`
      "
      b.txt → b.txt ()
      data/ → data/ ()
      link/ → link/ ()
      two words/ → two words/ ()
      "
    `);
    expect(await labels('prompts:\n  file: data/|')).toEqual(['a.csv', 'broken.csv', 'deep/']);
    expect(await labels('evaluation: { prompts: { file: "link/de|" } }')).toContain('deep/');
    expect(await shown('prompts: { file: "two w|" }', 9)).toMatchInlineSnapshot(`
      "
      b.txt → \\"b.txt\\" ()
      data/ → \\"data/$0\\" ()
      link/ → \\"link/$0\\" ()
      two words/ → \\"two words/$0\\" ()
      "
    `);
    expect(await labels('prompts: { file: nowhere/| }')).toEqual([]);
    expect(await labels('prompts: { file: //host/share/| }')).toEqual([]);
  });
  it('completes the columns of a .csv and the text fields of a .jsonl', async () => {
    expect(await shown('prompts: { file: data/a.csv, column: | }')).toMatchInlineSnapshot(`
      "
      caption → caption ("A boat")
      long, caption → \\"long, caption\\" ("A boat, drifting")
      "
    `);
    expect(await labels('prompts:\n  column: |\n  file: data/deep/c.jsonl')).toEqual(['prompt', 'style']);
    expect(await labels('prompts: { file: data/broken.csv, column: | }')).toEqual([]);
    expect(await labels('prompts: { file: gone.csv, column: | }')).toEqual([]);
  });
  it('names a run after its file', async () => {
    expect(await shown('name: |')).toMatchInlineSnapshot(`
      "
      example → example (the name of the file, the default)
      shapes → shapes (the model)
      "
    `);
  });
});

describe('bases', () => {
  it('offers the presets by name and the configs beside this one, but not itself', async () => {
    writeFileSync(join(folder, 'other.sage.yaml'), 'seed: 1\n');
    writeFileSync(join(folder, 'example.sage.yaml'), 'extends: other.sage.yaml\n');
    const { text, at } = cursor('extends: |');
    const request = asked(text, join(folder, 'example.sage.yaml'));
    const spot = spotAt(text, request.config.document.offsetAt(at));
    const offers = await baseOffers(around(request, spot), spot.value!);
    const texts = offers.filter(({ kind }) => kind !== CompletionItemKind.Folder).map((offer) => offer.text);
    expect(texts).toEqual([...listPresets().map(({ name }) => name), 'other.sage.yaml']);
  });
});

describe('hostile texts', () => {
  const many = 50_000;
  it.each([
    ['nested brackets', '['.repeat(many)],
    ['nested braces', '{a: '.repeat(many)],
    ['nested dashes', '- '.repeat(many)],
    ['an open quote', `a: "${'\n'.repeat(many)}`],
    ['open quotes in brackets', '["a\n'.repeat(many / 5)],
    ['anchors', `a: ${'&a '.repeat(many)}`],
    ['the same key again and again', 'policy:\n'.repeat(many / 5)],
    ['NULs and other controls', '\0\x01\x7f\uFEFF'.repeat(many)],
    ['half surrogates', 'policy:\n  \ud800: \udc00\n  '],
    ['tabs', 'policy:\n\tmodel:\t\n\t'],
    ['more than a config can have', `prompts:\n${'  - a red circle moving left\n'.repeat(40_000)}`],
  ])('answers in %s', async (_, text) => {
    const request = asked(text);
    for (const at of [0, text.length >> 1, text.length])
      expect(await complete(request, request.config.document.positionAt(at))).toBeInstanceOf(Array);
  });
});
