import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { promptAddress } from '../../engine/cli/doctor-weights.ts';
import { neededWeights } from '../../engine/cli/weights.ts';
import { examine } from '../../engine/python/examination.ts';
import { findPython, workerFolder, workerPins } from '../../engine/python.ts';
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

/** What it says of weights that are not here. */
const nowhere = {
  ...{ name: 'x', kind: 'pipeline', is_path: false, folder: null, missing: null as string[] | null, bytes: 0 },
  needs: [] as object[],
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
    weights: Array.from({ length: 6 }, () => nowhere),
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

describe('weights that are to be downloaded', () => {
  needs(process.platform !== 'win32', 'needs a shell');

  /** What the doctor says of the weights of a config, where Python answers so and its disk has this much room. */
  async function said(
    reward: string,
    weights: object[],
    free: number,
    env: NodeJS.ProcessEnv = {},
  ): Promise<(name: string) => { state: string; detail: string; remedy: string }> {
    const answer = { ...empty, packages: workerPins(['train']), cache: { folder: '/cache', free }, weights };
    const python = impostor(
      `case "$1" in -c) echo '{"python": "3.11.7", "torch": "2.13.0"}' ;; *) echo 'sage-doctor ${JSON.stringify(answer)}' ;; esac`,
    );
    const folder = temporaryFolder();
    const config = path.join(folder, 'own.sage.yaml');
    const policy =
      'policy: { model: wan-2.1, backend: torch }\nprompts: [a boat]\nrollout: { prompts_per_iteration: 1 }';
    writeFileSync(config, `${policy}\nreward: ${reward}\n`);
    const argv = ['doctor', config, '--json', '--runs', folder];
    const ambient = { ...process.env, SAGE_PYTHON: python, HF_HUB_OFFLINE: '', SAGE_CACHE: folder, ...env };
    const { stdout } = await sage(argv, { env: ambient });
    const findings = JSON.parse(stdout) as { check: string; state: string; detail: string; remedy: string }[];
    return (name) => findings.find(({ check }) => check === `weights: ${name}`)!;
  }

  test('must find room together', async () => {
    const weights = Array.from({ length: 4 }, () => nowhere);
    const reward = '{ model: videoalign, held_out: clipscore }';
    const tight = await said(reward, weights, 34e9);
    expect(tight('Wan2.1')).toMatchObject({ state: 'note', detail: expect.stringMatching(/ has 31\.7 GiB free$/) });
    expect(tight('VideoAlign')).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining('31.7 GiB free, 4.7 when those above have come'),
      remedy: expect.stringMatching(/^It needs about 5\.1 GB: free some space/),
    });
    expect(tight('CLIPScore').state).toBe('problem');
    const wide = await said(reward, weights, 37e9);
    expect(['Wan2.1', 'VideoAlign', 'CLIPScore'].map((name) => wide(name).state)).toEqual(['note', 'note', 'note']);
    // Of a download that was begun only the rest is still to come.
    const begun = { ...nowhere, folder: '/cache/wan', missing: ['vae'], bytes: 28e9 };
    const half = await said(reward, [begun, ...weights.slice(1)], 10e9);
    expect(['Wan2.1', 'VideoAlign', 'CLIPScore'].map((name) => half(name).state)).toEqual(['note', 'note', 'note']);
  });

  test('are fetched in one format', async () => {
    const two = await said('{ model: [clipscore, pickscore] }', [nowhere, nowhere, nowhere, nowhere], 1e12);
    const only = "--exclude '*.bin' --exclude '*.h5' --exclude '*.msgpack'";
    expect(two('CLIPScore').remedy).toContain(`hf download openai/clip-vit-large-patch14 ${only}\``);
    expect(two('PickScore').remedy).toContain(`hf download yuvalkirstain/PickScore_v1 ${only}\``);
    // Another's repository may have no other format than these.
    const own = '{ model: clipscore, checkpoints: { clipscore: me/clip } }';
    expect((await said(own, [nowhere, nowhere], 1e12))('CLIPScore').remedy).toContain('hf download me/clip`');
  });

  test('of VideoAlign are whole only with its prompt and what the checkpoint was trained from', async () => {
    const mine = temporaryFolder();
    const reward = `{ model: videoalign, checkpoints: { videoalign: ${mine} } }`;
    const base = { ...nowhere, name: 'me/qwen', kind: 'base' };
    const here = { ...nowhere, kind: 'videoalign', is_path: true, folder: mine, missing: [], needs: [base] };
    const without = await said(reward, [nowhere, here, nowhere], 1e12, { HF_HUB_OFFLINE: '1' });
    expect(without('VideoAlign').state).toBe('ok');
    expect(without("VideoAlign's Qwen2-VL")).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining('me/qwen is not downloaded yet'),
      remedy: expect.stringContaining(
        "HF_HUB_OFFLINE forbids downloads: run `hf download me/qwen --exclude '*.safetensors' --exclude '*.bin'`",
      ),
    });
    expect(without("VideoAlign's prompt")).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining(`there is no prompt_template.py in ${mine} or `),
      remedy: expect.stringContaining(promptAddress),
    });
    expect((await said(reward, [nowhere, here, nowhere], 1e12))("VideoAlign's prompt").state).toBe('note');
    writeFileSync(path.join(mine, 'prompt_template.py'), '');
    const whole = await said(reward, [nowhere, { ...here, needs: [] }, nowhere], 1e12, { HF_HUB_OFFLINE: '1' });
    expect(whole("VideoAlign's prompt")).toMatchObject({ state: 'ok', detail: path.join(mine, 'prompt_template.py') });
    expect(whole("VideoAlign's Qwen2-VL")).toBeUndefined();
  });

  test("of VideoAlign's prompt have one address", () => {
    const source = readFileSync(path.join(workerFolder(), 'sage_worker/rewards/videoalign/prompt.py'), 'utf8');
    expect(source).toContain(`"${promptAddress}"`);
  });
});

test('the doctor says what a config of a video generator lacks here, and what to do', async (context) => {
  const found = await findPython(['torch', 'diffusers', 'transformers', 'peft', 'av']);
  if (found.python === null) return context.skip('no Python here has torch and diffusers');
  const folder = temporaryFolder();
  const config = path.join(folder, 'own.sage.yaml');
  mkdirSync(path.join(folder, 'mine'));
  mkdirSync(path.join(folder, 'pick'));
  writeFileSync(
    config,
    [
      'policy: { model: wan-2.1, backend: torch, weights: ./mine }',
      'prompts: [a boat]',
      'rollout: { prompts_per_iteration: 1 }',
      'reward: { model: videoalign, held_out: pickscore, checkpoints: { pickscore: ./pick } }',
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
  expect(of('weights: PickScore')?.detail).toBe(`${path.join(folder, 'pick')} lacks config.json, weights`);
  expect(of("weights: PickScore's processor")?.detail).toContain('laion/CLIP-ViT-H-14-laion2B-s32B-b79K is not');
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
