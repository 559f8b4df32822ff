import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findPython, workerFolder } from '../../engine/python.ts';
import { listCheckpoints, saveCheckpoint } from '../../engine/run/checkpoint.ts';
import { needs } from '../support/needs.ts';
import { checkpointFolder, eventsOf, sage, temporaryFolder, tinyConfig, trained } from './support.ts';

const folder = temporaryFolder();
let run: string;
let evaluations: { iteration: number; reward: number }[];

beforeAll(async () => {
  run = await trained(tinyConfig(folder), path.join(folder, 'runs'));
  evaluations = eventsOf(run).filter(({ kind }) => kind === 'evaluation') as never;
});

const here = (name: string) => path.join(folder, name);
const names = (of: string) => readdirSync(of, { recursive: true, encoding: 'utf8' }).sort();

test('an exported checkpoint starts another run where it was', async () => {
  const { code, stdout } = await sage(['export', run, '--checkpoint', '6', '--out', here('out')]);
  expect(stdout).toBe(`wrote the weights of iteration 6 to ${here('out')}\n`);
  expect(code).toBe(0);
  expect(names(here('out'))).toEqual(['README.md', 'config.sage.yaml', 'curves.svg', 'policy.safetensors']);
  expect(readFileSync(path.join(here('out'), 'config.sage.yaml'))).toEqual(
    readFileSync(path.join(run, 'config.sage.yaml')),
  );

  const policy = { model: 'shapes', threads: 1, weights: path.join(here('out'), 'policy.safetensors') };
  const config = tinyConfig(folder, { policy, training: { iterations: 1, micro_batch: 2 } }, 'again');
  const again = await trained(config, here('runs-again'));
  const first = eventsOf(again).find(({ kind }) => kind === 'evaluation');
  expect(first?.reward).toBe(evaluations.at(-1)?.reward);
});

test('the model card tells where it comes from and how good it is', () => {
  const card = readFileSync(path.join(here('out'), 'README.md'), 'utf8');
  for (const { iteration, reward } of evaluations)
    expect(card).toContain(`| ${iteration} | ${reward.toPrecision(3)} |`);
  expect(card).toContain(`Evaluation reward of this checkpoint: **${evaluations.at(-1)!.reward.toPrecision(3)}**`);
  expect(card).toContain('- Data: all sentences of the Shapes world, 72 prompts');
  expect(card).toContain('`shapes-judge`, in [0, 1], measured from pixels');
  expect(card).toContain('0.5 × VQ');
  expect(card).toContain(`weights: out/policy.safetensors`);
  expect(card).toContain('"iterations": 6');
  const curves = readFileSync(path.join(here('out'), 'curves.svg'), 'utf8');
  expect(curves.match(/<circle/g)).toHaveLength(evaluations.length);
  expect(curves).toContain('iteration 6');
});

test('an export tells of the run as it was then, and nothing is replaced', async () => {
  // Without --out, beside oneself and under the run's name.
  const early = await sage(['export', path.basename(run), '--checkpoint', '4', '--runs', 'runs'], { cwd: folder });
  expect(early.code).toBe(0);
  const card = readFileSync(path.join(here(`${path.basename(run)}-000004`), 'README.md'), 'utf8');
  expect(card).toMatch(/\| 3 \|/);
  expect(card).not.toMatch(/\| 6 \|/);
  const before = names(folder);
  const twice = await sage(['export', run, '--out', here('out')]);
  expect(twice.code).toBe(2);
  expect(twice.stderr).toContain('error[export/exists]');
  const missing = await sage(['export', run, '--checkpoint', '5', '--out', here('other')]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('has no checkpoint of iteration 5; it has 0, 4, 6.');
  expect(names(folder)).toEqual(before);
});

test('a damaged checkpoint is not exported', async () => {
  const copy = here('copy');
  cpSync(run, copy, { recursive: true });
  truncateSync(path.join(checkpointFolder(copy, 6), 'policy.safetensors'), 1000);
  const { code, stderr } = await sage(['export', copy, '--checkpoint', '6', '--out', here('damaged')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/error\[checkpoint\/broken\].*policy\.safetensors/);
  expect(names(folder).filter((name) => name.startsWith('damaged'))).toEqual([]);
});

/** A tiny base, and an adapter as if trained on it, in the files of a checkpoint. */
const makeAdapter = `
import sys, torch
from pathlib import Path
from diffusers import HunyuanVideo15Transformer3DModel
from peft import LoraConfig
from sage_worker.models import adapters
from sage_worker.models.hunyuan_video import LORA_TARGETS
from tiny import write_hunyuan_video
base, checkpoint = map(Path, sys.argv[1:])
network = HunyuanVideo15Transformer3DModel.from_pretrained(write_hunyuan_video(base), subfolder="transformer")
network.add_adapter(LoraConfig(r=4, lora_alpha=6, target_modules=LORA_TARGETS))
with torch.no_grad():
    for name, parameter in network.named_parameters():
        if "lora_" in name:
            parameter.normal_(0, 0.2)
adapters.save_adapter(checkpoint / "adapter", network)
`;

/** Runs the code of two cards, and compares what the loaded transformers compute. */
const runCards = `
import sys, torch
inputs = dict(
    hidden_states=torch.randn(1, 9, 2, 4, 4), timestep=torch.tensor([600.0]), encoder_hidden_states=torch.randn(1, 3, 16),
    encoder_attention_mask=torch.ones(1, 3, dtype=torch.bool), encoder_hidden_states_2=torch.zeros(1, 2, 32),
    encoder_attention_mask_2=torch.zeros(1, 2, dtype=torch.bool), image_embeds=torch.zeros(1, 4, 12), return_dict=False)
outputs = []
for card in sys.argv[1:]:
    code = open(f"{card}/README.md").read().split("\`\`\`python\\n")[1].split("\`\`\`")[0]
    names = {}
    exec(code.replace("bfloat16", "float32"), names)
    transformer = names["pipeline"].transformer
    with torch.no_grad():
        outputs.append(transformer(**inputs)[0])
        if hasattr(transformer, "peft_config"):
            transformer.disable_adapters()
            untrained = transformer(**inputs)[0]
print((outputs[0] - outputs[1]).abs().max().item(), (outputs[0] - untrained).abs().max().item())
`;

describe('a LoRA checkpoint of HunyuanVideo-1.5', async () => {
  const found = await findPython(['torch', 'diffusers', 'transformers', 'peft']);
  needs(found.python !== null, 'no Python here has torch, diffusers, transformers, peft');
  const home = here('lora');
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    OMP_NUM_THREADS: '1',
    PYTHONPATH: [workerFolder(), path.resolve(import.meta.dirname, '../worker/python')].join(path.delimiter),
  };
  const python = (program: string, ...argv: string[]) =>
    execFileSync(found.python!, ['-c', program, ...argv], { encoding: 'utf8', env, cwd: home, stdio: 'pipe' });

  /** The run of the embedded model, as if it had trained the tiny base. */
  beforeAll(async () => {
    if (found.python === null) return;
    cpSync(run, home, { recursive: true });
    python(makeAdapter, path.join(home, 'base'), path.join(home, 'trained'));
    const record = JSON.parse(readFileSync(path.join(home, 'run.json'), 'utf8'));
    const adapter = { kind: 'lora', rank: 4, alpha: 6 };
    record.config.policy = { ...record.config.policy, model: 'hunyuan-video-1.5', backend: 'torch', adapter };
    record.config.policy.weights = path.join(home, 'base');
    writeFileSync(path.join(home, 'run.json'), JSON.stringify(record));
    const state = JSON.parse(readFileSync(path.join(checkpointFolder(home, 6), 'state.json'), 'utf8'));
    const write = async (into: string) => (cpSync(path.join(home, 'trained'), into, { recursive: true }), ['adapter']);
    await saveCheckpoint(home, 6, write, state, { reward: 0.5 });
    expect((await listCheckpoints(home)).at(-1)?.valid).toBe(true);
  });

  test('becomes an adapter and a whole model, which compute the same by the code of their cards', async () => {
    const adapter = await sage(['export', home, '--out', path.join(home, 'adapter')], { env });
    expect(adapter.stderr).toBe('');
    expect(names(path.join(home, 'adapter'))).toEqual([
      'README.md',
      'config.sage.yaml',
      'curves.svg',
      'pytorch_lora_weights.safetensors',
    ]);
    const merged = await sage(['export', home, '--merged', '--out', path.join(home, 'merged')], { env });
    expect(merged.stderr).toMatch(/merging transformer[^]*copying vae/);
    expect(merged.code).toBe(0);
    expect(names(path.join(home, 'merged'))).toContain('model_index.json');
    const [difference, effect] = python(runCards, 'adapter', 'merged')
      .trim()
      .split('\n')
      .at(-1)!
      .split(' ')
      .map(Number);
    expect(difference).toBeLessThan(1e-4);
    expect(effect).toBeGreaterThan(1e-2);
  });

  test('needs the base that it was trained from', async () => {
    mkdirSync(path.join(home, 'empty'));
    const argv = ['export', home, '--merged', '--out', path.join(home, 'none'), '--weights', path.join(home, 'empty')];
    const { code, stderr } = await sage(argv, { env });
    expect(code).toBe(1);
    expect(stderr).toContain('error[policy/weights]');
    expect(names(home).filter((name) => name.startsWith('none'))).toEqual([]);
  });
});
