import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { kernelTable } from '../../engine/method/kernels.ts';
import { listenForWorker } from '../../engine/policy/torch/channel.ts';
import { launchWorker } from '../../engine/policy/torch/launch.ts';
import { openWorker } from '../../engine/policy/torch/worker.ts';
import { workerFolder } from '../../engine/python.ts';
import { readSafetensors } from '../../engine/run/safetensors.ts';
import { needsTorch, python, scratchFolder, shapesSettings } from './torch.ts';

type Message = Record<string, unknown>;

/** The trainer's end, in its plainest form. */
interface Trainer {
  child: ChildProcess;
  hello: Message;
  ended: Promise<number | null>;
  socket: Socket;
  /** Sends a line and gives the next answer of that number. */
  ask(message: Message): Promise<Message>;
}

const children = new Set<ChildProcess>();
afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

async function startByHand(stderr: 'ignore' | 'pipe' = 'ignore'): Promise<Trainer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const child = spawn(python, ['-m', 'sage_worker'], {
    stdio: ['ignore', 'ignore', stderr],
    env: {
      ...process.env,
      PYTHONPATH: workerFolder(),
      SAGE_WORKER_ADDRESS: `127.0.0.1:${port}`,
      SAGE_WORKER_TOKEN: 'a word',
    },
  });
  children.add(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const socket = await new Promise<Socket>((resolve, reject) => {
    server.once('connection', resolve);
    void ended.then((code) => reject(new Error(`the worker ended with ${code}`)));
  });
  server.close();
  const waiting: { fits(message: Message): boolean; resolve(message: Message): void }[] = [];
  createInterface({ input: socket }).on('line', (line) => {
    const message = JSON.parse(line) as Message;
    const index = waiting.findIndex(({ fits }) => fits(message));
    if (index >= 0) waiting.splice(index, 1)[0].resolve(message);
  });
  const next = (fits: (message: Message) => boolean) =>
    new Promise<Message>((resolve, reject) => {
      waiting.push({ fits, resolve });
      void ended.then((code) => reject(new Error(`the worker ended with ${code}`)));
    });
  const hello = await next((message) => 'hello' in message);
  return {
    child,
    hello: hello.hello as Message,
    ended,
    socket,
    ask(message) {
      const answer = next(({ seq, progress }) => seq === message.seq && progress === undefined);
      socket.write(`${JSON.stringify(message)}\n`);
      return answer;
    },
  };
}

describe('the worker', () => {
  needsTorch();

  test('answers in order, once: a repetition gets the same answer, a gap and a wrong message an error, and it goes on', async () => {
    const scratch = path.join(scratchFolder(), 'scratch');
    mkdirSync(scratch);
    const trainer = await startByHand();
    expect(trainer.hello).toMatchObject({ protocol: 1, token: 'a word', ranks: 1, memory: null });
    const { ask } = trainer;

    const early = await ask({ seq: 1, op: 'optimStep' });
    expect(early).toMatchObject({ error: { kind: 'bug', message: expect.stringContaining('before init') } });
    const init = { ...shapesSettings, cache: scratch, scratch };
    const wrong = await ask({ seq: 2, op: 'init', ...init, rowsPerPass: 'many' });
    expect(wrong.error).toMatchObject({ message: expect.stringContaining('init.rowsPerPass must be a whole number') });
    expect(await ask({ seq: 3, op: 'init', ...init })).toMatchObject({
      ok: { model: 'shapes', backend: 'torch', latentShape: [12, 4, 4, 4], reward: null },
    });
    expect((await ask({ seq: 5, op: 'setAnchor' })).error).toMatchObject({
      message: expect.stringContaining('message 5 came after message 3'),
    });
    expect(await ask({ seq: 4, op: 'dance' })).toMatchObject({
      error: { message: expect.stringContaining("'dance'") },
    });

    const table = kernelTable({ kernel: 'sage', steps: 2, shift: 3, eta: 0.5 });
    const key = { seed: 1, stream: 0, iteration: 1, prompt: 0, generation: 0 };
    const rollout = {
      handle: 'one',
      samples: [{ prompt: 'a red circle moving left', key }],
      steps: table.steps.map(({ a, b, s, sigma }) => ({ a, b, s, sigma, logprobScale: 1, logprobOffset: 0 })),
      trainedSteps: [0],
      guidance: 1,
      trainGuidance: true,
    };
    const first = await ask({ seq: 5, op: 'rollout', ...rollout });
    expect(await ask({ seq: 5, op: 'rollout', ...rollout })).toEqual(first);
    const unknown = { ...rollout, samples: [{ prompt: 'a dog', key }] };
    expect((await ask({ seq: 6, op: 'rollout', ...unknown, handle: 'two' })).error).toMatchObject({
      kind: 'user',
      code: 'policy/prompt',
      remedy: expect.stringContaining('a red circle moving left'),
    });

    const replay = {
      handle: 'one',
      replays: [{ samples: [0], step: 0, advantages: [1], equalizer: 1 }],
      clipRange: 1e-4,
      beta: 0,
      anchorWeight: 1,
      stepwiseWeight: 0.1,
      stepwiseEstimator: 'k3',
      useAnchor: false,
      measureReference: false,
      gradientScale: 1,
    };
    expect(await ask({ seq: 7, op: 'forwardBackward', ...replay })).toMatchObject({
      ok: { replays: [{ ratio: 1, ratioDeviation: 0, driftReference: null, driftAnchor: null }] },
    });
    const adam = { learningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: 1 };
    const stepped = await ask({ seq: 8, op: 'optimStep', ...adam });
    expect(await ask({ seq: 8, op: 'optimStep', ...adam })).toEqual(stepped);
    await ask({ seq: 9, op: 'saveState', folder: scratch });
    const { metadata } = await readSafetensors(path.join(scratch, 'optimizer.safetensors'));
    expect(metadata.step).toBe('1');

    expect(await ask({ seq: 10, op: 'close' })).toEqual({ seq: 10, ok: {} });
    expect(await trainer.ended).toBe(0);
    expect(existsSync(scratch)).toBe(false);
  });

  test('names a video that could not be scored as the run folder has it', async () => {
    const folder = scratchFolder();
    const scratch = path.join(folder, 'scratch');
    mkdirSync(scratch);
    const lines = ['def score(video):', "    raise ValueError(f'not {video.name}')", "score.components = ('python',)"];
    writeFileSync(path.join(folder, 'mine.py'), lines.join('\n'));
    const { ask } = await startByHand();
    const reward = { models: [], python: 'mine.py:score', heldOut: [], checkpoints: {}, base: folder };
    await ask({ seq: 1, op: 'init', ...shapesSettings, cache: scratch, scratch, reward });
    const { steps } = kernelTable({ kernel: 'sage', steps: 2, shift: 3, eta: 0.5 });
    const prompt = 'a red circle moving left';
    const sampled = await ask({
      ...{ seq: 2, op: 'rollout', handle: 'rollout-2', trainedSteps: [0], guidance: 1, trainGuidance: true },
      samples: [{ prompt, key: { seed: 1, stream: 0, iteration: 7, prompt: 3, generation: 1 } }],
      steps: steps.map(({ a, b, s, sigma }) => ({ a, b, s, sigma, logprobScale: 1, logprobOffset: 0 })),
    });
    expect(sampled).toHaveProperty('ok');
    const name = `p03-g1 of "${prompt}"`;
    const reason = `${name}: mine.py:score raised ValueError: not ${name} (mine.py, line 2)`;
    expect(await ask({ seq: 3, op: 'score', handle: 'rollout-2', samples: [0] })).toMatchObject({
      ok: { scores: [{ sample: 0, scored: false, reason }] },
    });
    await ask({ seq: 4, op: 'close' });
  });

  test('ends when the trainer is gone, whatever it is at', async () => {
    const trainer = await startByHand();
    trainer.socket.destroy();
    expect(await trainer.ended).toBe(3);
  });

  test('deletes its files when the trainer is gone, though nobody reads its last words any more', async () => {
    const scratch = path.join(scratchFolder(), 'scratch');
    mkdirSync(scratch);
    const trainer = await startByHand('pipe');
    expect(await trainer.ask({ seq: 1, op: 'init', ...shapesSettings, cache: scratch, scratch })).toHaveProperty('ok');
    // As a trainer that is killed leaves it.
    await new Promise((resolve) => trainer.child.stderr!.once('close', resolve).destroy());
    trainer.socket.destroy();
    expect(await trainer.ended).toBe(3);
    expect(existsSync(scratch)).toBe(false);
  });

  test('ends when what it hears is no message', async () => {
    const trainer = await startByHand();
    trainer.socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(await trainer.ended).toBe(3);
  });

  test('says by its token what keeps it from beginning', async () => {
    // A rank of two without the address at which they meet.
    const command = ['env', '-u', 'MASTER_ADDR', 'RANK=0', 'WORLD_SIZE=2', python, '-m', 'sage_worker'];
    await expect(openWorker(command, shapesSettings)).rejects.toMatchObject({
      message: expect.stringMatching(/^The worker failed while it started: .*MASTER_ADDR/),
    });
  });

  test('is not let in with a wrong token, and the trainer says how it ended', async () => {
    const listener = await listenForWorker();
    const command = [python, '-m', 'sage_worker'];
    const running = launchWorker({ command, address: listener.address, token: 'another word' });
    const accepted = listener.accept({
      circumstances: (doing) => ({ doing, lines: running.lastLines(), log: null }),
      died: async () => new Error(`died ${JSON.stringify(await running.ended)}`) as never,
    });
    await expect(accepted).rejects.toThrow('died {"code":3,"signal":null}');
    expect(running.lastLines().join('\n')).toContain('the trainer closed the connection');
  });
});

/** A program that calls the trainer as a worker does. */
function impostor(program: string): string[] {
  const call = `
    const [host, port] = process.env.SAGE_WORKER_ADDRESS.split(':');
    const socket = require('node:net').connect(Number(port), host);
    const send = (message) => socket.write(JSON.stringify(message) + '\\n');
    const hello = (changes = {}) => send({ hello: { protocol: 1, token: process.env.SAGE_WORKER_TOKEN, pid: 1, ranks: 1,
      device: 'none', memory: null, versions: {}, ...changes } });
    socket.on('close', () => process.exit(0));`;
  return [process.execPath, '-e', `${call}\n${program}`];
}

describe('the trainer', () => {
  const open = (program: string) => openWorker(impostor(program), shapesSettings);

  test('refuses a worker of another version of the protocol', async () => {
    await expect(open('hello({ protocol: 0 });')).rejects.toMatchObject({
      code: 'worker/version',
      message: expect.stringContaining('version 0 of the protocol and this program version 1'),
    });
  });

  test.each([
    ['a line that is no JSON', "socket.write('Traceback (most recent call last):\\n')", 'it is not JSON'],
    ['an answer to what was not asked', 'send({ seq: 9, ok: {} })', 'it answered request 9'],
    ['an answer of another form', 'send({ seq: 1, ok: { model: 7 } })', 'its answer is wrong, model'],
    ['a second hello', 'hello()', 'it said hello twice'],
    ['a line without end', "socket.write('x'.repeat(65 * 2 ** 20))", 'a line is longer than'],
  ])('ends a worker that sends %s', async (_, program, what) => {
    const opened = open(`hello(); socket.once('data', () => { ${program}; });`);
    await expect(opened).rejects.toMatchObject({
      code: 'worker/garbled',
      message: expect.stringMatching(new RegExp(`while it loaded the model: .*${what}`)),
    });
  });

  test('says what a worker ended with, and what it said last', async () => {
    const program =
      "hello(); socket.once('data', () => { console.error('the card fell off the bus'); process.exit(9); });";
    await expect(open(program)).rejects.toMatchObject({
      code: 'worker/died',
      message: expect.stringMatching(
        /ended \(exit code 9\) while it loaded the model.*\n {2}the card fell off the bus/s,
      ),
    });
  });

  test.each([
    [
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB',
      'worker/memory',
      'training.micro_batch',
      [],
    ],
    [
      "ModuleNotFoundError: No module named 'diffusers'",
      'worker/import',
      'a Python environment',
      [{ action: 'setup-torch' }],
    ],
  ])('knows what "%s" means', async (line, code, remedy, advice) => {
    const program = `hello(); socket.once('data', () => { console.error(${JSON.stringify(line)}); process.exit(1); });`;
    await expect(open(program)).rejects.toMatchObject({ code, remedy: expect.stringContaining(remedy), advice });
  });

  test.each([
    ['', 'training.micro_batch'],
    ['Choose a smaller reward.', 'Choose a smaller reward.'],
  ])('says what would need less memory, by the worker\'s advice "%s" where it has one', async (advice, remedy) => {
    const fault = { code: 'worker/memory', message: 'too little', remedy: advice, kind: 'memory' };
    const program = `hello(); socket.once('data', () => send({ seq: 1, error: ${JSON.stringify(fault)} }));`;
    await expect(open(program)).rejects.toMatchObject({
      code: 'worker/memory',
      message: 'Memory ran out while the worker loaded the model: too little.',
      remedy: expect.stringContaining(remedy),
    });
  });

  test('gives a worker up of which nothing is heard any more, or that never calls', async () => {
    const silent = async (program: string, timing: { silence?: number; start?: number }) => {
      const listener = await listenForWorker();
      const { address, token } = listener;
      const running = launchWorker({ command: impostor(program), address, token });
      const circumstances = (doing: string) => ({ doing, lines: running.lastLines(), log: null });
      try {
        const channel = await listener.accept({ circumstances, died: () => new Promise(() => {}), ...timing });
        return await channel.request('setAnchor', {});
      } finally {
        await running.stop(1000);
      }
    };
    await expect(silent('hello();', { silence: 1 })).rejects.toMatchObject({
      code: 'worker/silent',
      message: expect.stringContaining('not been heard of for 1 s while it refreshed the anchor'),
    });
    await expect(silent('', { start: 1 })).rejects.toMatchObject({
      code: 'worker/silent',
      message: expect.stringContaining('while it started'),
    });
  });

  test('turns strangers away and goes on waiting for its worker', async () => {
    const listener = await listenForWorker();
    const [host, port] = listener.address.split(':');
    const accepted = listener.accept({
      circumstances: (doing) => ({ doing, lines: [], log: null }),
      died: () => new Promise(() => {}),
    });
    const call = (text: string) => {
      const socket = connect(Number(port), host, () => socket.write(text));
      return { socket, closed: new Promise((resolve) => socket.once('close', resolve)) };
    };
    const hello = { protocol: 1, pid: 1, ranks: 1, device: 'none', memory: null, versions: {} };
    const line = (token: string) => `${JSON.stringify({ hello: { ...hello, token } })}\n`;
    const fault = { code: 'worker/devices', message: 'All is lost.', remedy: 'Run my program.', kind: 'user' };
    const failures = [{ failed: fault }, { failed: fault, token: '' }, { failed: fault, token: 'guessed' }];
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      line('guessed'),
      line(''),
      '{"seq": 1, "ok": {}}\n',
      ...failures.map((failure) => `${JSON.stringify(failure)}\n`),
    ])
      await call(text).closed;
    const { socket, closed } = call(line(listener.token));
    const channel = await accepted;
    expect(channel.hello).toMatchObject({ device: 'none' });
    channel.close();
    await closed;
    socket.destroy();
  });
});

afterEach(() => children.forEach((child) => child.exitCode !== null && children.delete(child)));
