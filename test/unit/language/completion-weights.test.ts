import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TextEdit } from 'vscode-languageserver/node';
import { analyseText } from '../../../engine/config/analyse.ts';
import { saveCheckpoint, type CheckpointState } from '../../../engine/run/checkpoint.ts';
import { createRun } from '../../../engine/run/folder.ts';
import { complete } from '../../../src/language/server/features/completion.ts';
import { asked, cursor } from '../../support/language.ts';
import { provenance } from '../run/sample-run.ts';

let folder: string;
let runsFolder: string;
const ids: string[] = [];

/** A finished run with checkpoints of these iterations and evaluation rewards. */
async function run(model: string, rewards: Record<number, number | null>, files: string[]): Promise<string> {
  const config = { policy: { model }, training: { iterations: 20 } };
  const made = await createRun(runsFolder, `run-of-${model}`, `policy: { model: ${model} }\n`, config, provenance);
  for (const [iteration, reward] of Object.entries(rewards)) {
    const state = { iteration: Number(iteration), updates: 1, seed: 1, klController: {}, equalizer: null, best: null };
    const write = async (place: string) => {
      for (const file of files) {
        mkdirSync(join(place, file, '..'), { recursive: true });
        writeFileSync(join(place, file), 'weights');
      }
      return files;
    };
    const checkpoint: CheckpointState = { ...state, eventSeq: 1 };
    await saveCheckpoint(made.folder, Number(iteration), write, checkpoint, { reward });
  }
  ids.push(made.id);
  return made.folder;
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sage-weights-')));
  runsFolder = join(folder, 'runs');
  mkdirSync(join(folder, 'configs'));
  const shapes = await run('shapes', { 10: 1.25, 20: 1.5, 30: null }, ['policy.safetensors', 'anchor.safetensors']);
  writeFileSync(join(shapes, 'checkpoints', '000020', 'policy.safetensors'), 'cut');
  await run('wan-2.1', { 5: 0.5 }, ['anchor/adapter_config.json', 'policy/adapter_config.json', 'policy/weights.bin']);
  mkdirSync(join(runsFolder, 'shapes-20260101-000000'));
  writeFileSync(join(runsFolder, 'shapes-20260101-000000', 'run.json'), '{');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function weights(marked: string, runs: string | null = runsFolder) {
  const { text, at } = cursor(marked);
  const file = join(folder, 'configs', 'next.sage.yaml');
  const items = await complete(asked(text, file, { runsFolder: runs }), at);
  return items.map(({ label, detail, textEdit }) => ({ label, detail, text: (textEdit as TextEdit).newText }));
}

it('offers the whole checkpoints of runs of the same model, by run, iteration and reward, newest first', async () => {
  const found = await weights('policy:\n  weights: |');
  const path = (iteration: number) => `../runs/${ids[0]}/checkpoints/0000${iteration}/policy.safetensors`;
  expect(found).toEqual([
    { label: `${ids[0]} · iteration 30`, detail: 'reward not measured', text: path(30) },
    { label: `${ids[0]} · iteration 10`, detail: 'evaluation reward 1.250', text: path(10) },
    { label: 'null', detail: 'the released weights of the model; the default', text: 'null' },
  ]);
  const file = join(folder, 'configs', 'next.sage.yaml');
  expect(analyseText(`policy: { weights: ${found[0].text} }`, { file }).valid).toBe(true);
});

it('offers the adapter of a checkpoint that has one', async () => {
  const [adapter] = await weights('policy: { model: wan-2.1, weights: "|" }');
  expect(adapter.text).toBe(`"../runs/${ids[1]}/checkpoints/000005/policy"`);
});

it('offers the way to other weights, folder by folder', async () => {
  expect((await weights('policy: { weights: ../ru| }', null)).map(({ text }) => text)).toContain('../runs/');
  const inside = await weights(`policy: { weights: ../runs/${ids[0]}/checkpoints/000010/| }`, null);
  expect(inside.map(({ label }) => label)).toContain('policy.safetensors');
});

it('does without a folder of runs, or one that is not there', async () => {
  expect((await weights('policy: { weights: | }', null)).map(({ label }) => label)).toEqual(['null']);
  expect((await weights('policy: { weights: | }', join(folder, 'none'))).map(({ label }) => label)).toEqual(['null']);
});
