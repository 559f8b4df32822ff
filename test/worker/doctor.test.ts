import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { neededWeights } from '../../engine/cli/weights.ts';
import { examine } from '../../engine/python/examination.ts';
import { findPython, workerPins } from '../../engine/python.ts';
import { program, sage, temporaryFolder } from '../e2e/support.ts';
import { needs } from '../support/needs.ts';

const nothing = { packages: [], imports: [], weights: [] };

/** A program in the place of a Python. */
function impostor(script: string): string {
  const file = path.join(temporaryFolder(), 'python');
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

/** What a Python without anything would say. */
const empty = {
  ...{ python: '3.11.7', executable: 'python', packages: {}, broken: {}, devices: [], weights: [] },
  torch: null,
  cache: { folder: '/cache', free: 0 },
};

describe('a Python that is not right', () => {
  needs(process.platform !== 'win32', 'needs a shell');
  test.each([
    ['crashes', 'kill -SEGV $$', /^it was ended by SIGSEGV/],
    ['fails', 'echo "Fatal Python error: init_fs_encoding" >&2; exit 1', /Fatal Python error: init_fs_encoding/],
    ['talks nonsense', 'echo "sage-doctor {nonsense"', /its answer could not be read/],
    ['answers something else', `echo 'sage-doctor {"python": "3.11"}'`, /its answer lacks executable/],
    ['is silent', 'exit 3', /it ended with exit code 3/],
  ])('%s, and that is said', async (_, script, failure) => {
    expect(await examine(impostor(script), nothing)).toEqual({ failure: expect.stringMatching(failure) });
  });

  test('tells of other weights than it was asked about, and that is said', async () => {
    const python = impostor(`echo 'sage-doctor ${JSON.stringify(empty)}'`);
    const wanted = { ...nothing, weights: [{ name: 'x', kind: 'pipeline' as const }] };
    expect(await examine(python, wanted)).toEqual({ failure: 'its answer tells of 0 weights instead of 1' });
    expect(await examine(python, nothing)).toEqual(empty);
  });

  test('hangs, and that is said', async () => {
    const hanging = await examine(impostor('sleep 600'), nothing, 500);
    expect(hanging).toEqual({ failure: 'it did not answer within 0.5 seconds' });
  });

  test('is a note of the doctor, and a problem for a config that needs it', async () => {
    const config = path.join(path.dirname(program), '..', 'examples', 'hunyuan-video-1.5-lora.sage.yaml');
    // It says that it has torch, and then dies of it.
    const python = impostor(
      `case "$1" in -c) echo '{"python": "3.11.7", "torch": "2.13.0"}' ;; *) kill -ABRT $$ ;; esac`,
    );
    const env = { ...process.env, SAGE_PYTHON: python };
    for (const [argv, state, code] of [
      [[], 'note', 0],
      [[config], 'problem', 1],
    ] as const) {
      const ended = await sage(['doctor', ...argv, '--json', '--runs', temporaryFolder()], { env });
      expect(JSON.parse(ended.stdout)).toContainEqual({
        check: 'Python',
        state,
        detail: `${python} cannot be used: it was ended by SIGABRT`,
        remedy: expect.stringContaining('delete its folder first'),
        advice: [{ action: 'setup-torch' }],
      });
      expect(ended.code).toBe(code);
    }
  });
});

test('the doctor compares the GPUs that PyTorch sees with those of the config', async () => {
  const gib = 2 ** 30;
  const gpu = { name: 'NVIDIA H200', total: 140 * gib, free: 139 * gib, capability: '9.0', bf16: true, error: null };
  const taken = { ...gpu, free: 20 * gib };
  const old = { ...gpu, name: 'Tesla V100', capability: '7.0', bf16: false };
  const answer = {
    ...{ python: '3.11.7', executable: 'python', packages: workerPins(['train']), broken: { peft: 'ImportError: x' } },
    torch: { version: '2.13.0', cuda: '13.0', available: true, reason: null, nccl: null, threads: 8 },
    devices: [gpu, taken, old],
    cache: { folder: '/cache', free: gib },
    weights: Array.from({ length: 6 }, () => ({ name: 'x', is_path: false, folder: null, missing: null })),
  };
  const python = impostor(
    `case "$1" in -c) echo '{"python": "3.11.7", "torch": "2.13.0"}' ;; *) echo 'sage-doctor ${JSON.stringify(answer)}' ;; esac`,
  );
  const config = path.join(temporaryFolder(), 'eight.sage.yaml');
  writeFileSync(config, 'extends: hunyuan-video-1.5-lora\npolicy: { devices: 8 }\ntraining: { accumulation: 10 }\n');
  const argv = ['doctor', config, '--json', '--runs', temporaryFolder()];
  const { code, stdout } = await sage(argv, { env: { ...process.env, SAGE_PYTHON: python, HF_HUB_OFFLINE: '' } });
  const findings = JSON.parse(stdout) as { check: string; state: string; detail: string; remedy?: string }[];
  const of = (name: string) => findings.find(({ check }) => check === name);
  expect(of('PyTorch')).toMatchObject({ state: 'ok', detail: '2.13.0, for CUDA 13.0' });
  const detail = 'NVIDIA H200, 139.0 of 140.0 GiB free, compute capability 9.0, bfloat16';
  expect(of('GPU 0')).toEqual({ check: 'GPU 0', state: 'ok', detail });
  expect(of('GPU 1')).toMatchObject({ state: 'note', remedy: expect.stringContaining('nvidia-smi') });
  expect(of('GPU 2')).toMatchObject({ state: 'note', remedy: expect.stringContaining('policy.precision to fp32') });
  expect(of('GPUs')).toMatchObject({ state: 'problem', detail: 'the config asks for 8, PyTorch sees 3' });
  expect(of('NCCL')).toMatchObject({ state: 'problem' });
  expect(of('peft')).toMatchObject({ state: 'problem', detail: 'it cannot be imported: ImportError: x' });
  expect(of('weights: HunyuanVideo-1.5')).toMatchObject({
    state: 'problem',
    remedy: expect.stringMatching(/free some space.*hf download hunyuanvideo-community/),
  });
  expect(code).toBe(1);
});

test('the doctor says what a config of a video generator lacks here, and what to do', async (context) => {
  const found = await findPython(['torch', 'diffusers', 'transformers', 'peft', 'av']);
  if (found.python === null) return context.skip('no Python here has torch and diffusers');
  const folder = temporaryFolder();
  const config = path.join(folder, 'own.sage.yaml');
  mkdirSync(path.join(folder, 'mine'));
  writeFileSync(
    config,
    [
      'policy: { model: wan-2.1, backend: torch, weights: ./mine }',
      'prompts: [a boat]',
      'rollout: { prompts_per_iteration: 1 }',
      'reward: { model: videoalign }',
    ].join('\n'),
  );
  const env = {
    ...process.env,
    SAGE_PYTHON: found.python,
    HF_HUB_CACHE: path.join(folder, 'hub'),
    HF_HUB_OFFLINE: '1',
  };
  const { code, stdout, stderr } = await sage(['doctor', config, '--json', '--runs', folder], { env });
  expect(stderr).toBe('');
  const findings = JSON.parse(stdout) as { check: string; state: string; detail: string; remedy?: string }[];
  const of = (check: string) => findings.find((finding) => finding.check === check);
  expect(of('PyTorch')).toMatchObject({ state: 'ok', detail: expect.stringContaining(found.versions.torch) });
  expect(of('packages')?.detail).toContain(`diffusers ${found.versions.diffusers}`);
  expect(of('weights: Wan2.1')).toMatchObject({
    state: 'problem',
    detail: `${path.join(folder, 'mine')} lacks model_index.json`,
    remedy: expect.stringContaining('policy.weights'),
  });
  expect(of('weights: VideoAlign')).toMatchObject({
    state: 'problem',
    detail: expect.stringContaining('KlingTeam/VideoReward is not downloaded yet'),
    remedy: expect.stringMatching(/hf download KlingTeam\/VideoReward` without it/),
  });
  expect(of("weights: VideoAlign's Qwen2-VL")?.remedy).toContain(
    "hf download Qwen/Qwen2-VL-2B-Instruct --exclude '*.safetensors' --exclude '*.bin'`",
  );
  expect(code).toBe(1);
});

test('a config needs the weights of its model, of its rewards and of its held-out metrics, each once', () => {
  const policy = { model: 'hunyuan-video-1.5', backend: 'torch', weights: null };
  const reward = { model: ['videoalign', 'clipscore'], held_out: ['pickscore'], checkpoints: { clipscore: 'my/clip' } };
  expect(neededWeights({ policy, reward }).map(({ name }) => name)).toEqual([
    'hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v',
    'KlingTeam/VideoReward',
    'Qwen/Qwen2-VL-2B-Instruct',
    'my/clip',
    'yuvalkirstain/PickScore_v1',
    'laion/CLIP-ViT-H-14-laion2B-s32B-b79K',
  ]);
  expect(neededWeights({ policy: { ...policy, model: 'shapes' }, reward: { model: 'shapes-judge' } })).toEqual([]);
  expect(neededWeights({ policy: { ...policy, backend: 'onnx' }, reward })).toEqual([]);
});
