import { describe, expect, test } from 'vitest';
import { until } from '../../e2e/support.ts';
import { comesTo, impatient, impostor, isAlive, openClient, problemWith, swift } from './client.ts';

const block = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';

/** What `start` fails with; no process must be left then. */
async function failureOf(body: string, policy = swift) {
  const program = impostor(body);
  const client = openClient(() => program.command, policy);
  const problem = await problemWith(client.engine.start());
  expect(client.engine.state).toEqual({ kind: 'crashed', problem });
  expect(program.pids().filter(isAlive)).toEqual([]);
  return { ...client, problem, program };
}

const giveUp = ['starting', 'backoff', 'starting', 'backoff', 'starting', 'crashed'];
const giveUpRunning = giveUp.flatMap((kind) => (kind === 'starting' ? ['starting', 'running'] : [kind]));

describe('an engine that', () => {
  test('ends at once is started again up to the limit, and its last words are told', async () => {
    const { problem, states, program } = await failureOf(
      "process.stderr.write('\\x1b[31mError: no such module\\x1b[0m\\n'); process.exit(3);",
    );
    expect(problem).toMatchObject({ code: 'engine/ended' });
    expect(problem.message).toContain('3 times in a row');
    expect(problem.message).toContain('exit code 3');
    expect(problem.message).toContain('Error: no such module');
    expect(problem.message).not.toContain('\x1b');
    expect(states).toEqual(giveUp);
    expect(program.pids()).toHaveLength(3);
  });

  test('ends after each hello is given up, and only a person starts it again', async () => {
    const program = impostor("handlers['engine/hello'] = () => (setTimeout(() => process.exit(1), 20), hello);");
    const { engine, states } = openClient(() => program.command);
    await engine.start();
    await comesTo(engine, 'crashed');
    expect(states).toEqual(giveUpRunning);
    expect(await problemWith(engine.request('runs/list', {}))).toMatchObject({ code: 'engine/ended' });
    expect(program.pids()).toHaveLength(3);
    await engine.restart();
    expect(program.pids()).toHaveLength(4);
    await engine.stop();
    expect(program.pids().filter(isAlive)).toEqual([]);
  });

  test('was healthy for a while is started again however often it ends', async () => {
    const program = impostor("handlers['engine/hello'] = () => (setTimeout(() => process.exit(1), 20), hello);");
    const policy = { ...swift, restart: { ...swift.restart, healthyAfter: 0 } };
    const { engine, states } = openClient(() => program.command, policy);
    await engine.start();
    while (program.pids().length < 6) await new Promise((resolve) => setTimeout(resolve, 10));
    await engine.stop();
    expect(states).not.toContain('crashed');
    expect(program.pids().filter(isAlive)).toEqual([]);
  });

  test('never says hello is ended after the limit', async () => {
    const { problem, states } = await failureOf("delete handlers['engine/hello'];", { ...swift, hello: 150 });
    expect(problem).toMatchObject({ code: 'engine/silent' });
    expect(states).toEqual(giveUp);
  });

  test('hangs is killed and started again', async () => {
    const program = impostor(`handlers['engine/ping'] = () => { if (first('hung')) ${block} return {}; };`);
    const { engine, states, backoffs, logged } = openClient(() => program.command, impatient);
    await engine.start();
    await until(() => states.length >= 5);
    expect(backoffs).toMatchObject([{ attempt: 1, problem: { code: 'engine/hangs' } }]);
    expect(states).toEqual(['starting', 'running', 'backoff', 'starting', 'running']);
    expect(logged()).toContain('SIGKILL');
    await engine.stop();
    expect(program.pids().filter(isAlive)).toEqual([]);
  });

  test('answers no ping but goes on talking hangs too', async () => {
    const { engine } = await openHung(
      "delete handlers['engine/ping']; setInterval(() => send({ method: 'runs/changed', params: { changed: [], removed: [] } }), 20);",
    );
    expect(engine.state).toMatchObject({ problem: { code: 'engine/hangs' } });
  });

  test('begins a message and does not go on hangs too', async () => {
    const { engine } = await openHung(
      "handlers['engine/ping'] = () => void process.stdout.write('Content-Length: 1000\\r\\n\\r\\n{');",
    );
    expect(engine.state).toMatchObject({ problem: { code: 'engine/hangs' } });
  });

  async function openHung(body: string) {
    const program = impostor(body);
    const client = openClient(() => program.command, impatient);
    await client.engine.start();
    await comesTo(client.engine, 'crashed');
    expect(program.pids().filter(isAlive)).toEqual([]);
    return client;
  }

  test.each([
    ['prints to standard output', "process.stdout.write('Debugger attached.\\n');", 'Debugger attached.'],
    ['sends a header without a length', "process.stdout.write('Content-Type: text\\r\\n\\r\\n{}');", 'no valid header'],
    ['sends a header without an end', "process.stdout.write('Content-' + 'x'.repeat(10000));", 'does not end'],
    ['announces 200 MB', "process.stdout.write('Content-Length: 209715200\\r\\n\\r\\n');", '209715200 bytes'],
    ['sends no JSON', "process.stdout.write('Content-Length: 3\\r\\n\\r\\n{x}');", 'not JSON'],
    ['sends requests', "send({ id: 1, method: 'window/open', params: {} });", 'neither an answer nor a notification'],
    ['tells what is not valid', "send({ method: 'runs/changed', params: {} });", 'runs/changed is not valid'],
    ['closes its output', "delete handlers['engine/hello']; closeSync(1);", 'closed its standard output'],
  ])('%s is ended and started again, and the problem names it', async (_, body, named) => {
    const { problem, states } = await failureOf(body);
    expect(problem).toMatchObject({ code: 'engine/nonsense' });
    expect(problem.message).toContain(named);
    expect(states).toEqual(giveUp);
  });

  test('gives a result that is not valid fails that request, and is started again', async () => {
    const program = impostor("handlers['runs/list'] = () => (first('bad') ? { runs: 'none' } : { runs: [] });");
    const { engine, states } = openClient(() => program.command);
    const problem = await problemWith(engine.request('runs/list', {}));
    expect(problem).toMatchObject({ code: 'engine/nonsense', message: expect.stringContaining('runs/list') });
    expect(await engine.request('runs/list', {})).toEqual({ runs: [] });
    expect(states).toEqual(['starting', 'running', 'backoff', 'starting', 'running']);
    await engine.stop();
  });

  test('speaks another version of the protocol is not tried again', async () => {
    const { problem, states, program } = await failureOf(
      "handlers['engine/hello'] = () => ({ ...hello, protocolVersion: 99 });",
    );
    expect(problem).toMatchObject({ code: 'protocol/version', remedy: expect.stringContaining('same version') });
    expect(problem.message).toContain('99');
    expect(states).toEqual(['starting', 'crashed']);
    expect(program.pids()).toHaveLength(1);
  });

  test('refuses our version of the protocol is quoted', async () => {
    const data = { code: 'protocol/version', remedy: 'Install the same.', place: {} };
    const error = { code: 1, message: 'The editor speaks version 1, this engine version 7.', data };
    const { problem, states } = await failureOf(
      `handlers['engine/hello'] = (_, { id }) => void send({ id, error: ${JSON.stringify(error)} });`,
    );
    expect(problem).toEqual({ message: error.message, ...data });
    expect(states).toEqual(['starting', 'crashed']);
  });

  test('ignores every request to end is killed', async () => {
    const program = impostor(
      "for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {}); process.stdin.removeAllListeners('end'); setInterval(() => {}, 1000);",
    );
    const ending = swift.ending.map((step) => ({ ...step, wait: step.by === 'SIGKILL' ? 10_000 : 50 }));
    const { engine, states, logged } = openClient(() => program.command, { ...swift, ending });
    await engine.start();
    await engine.stop();
    expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
    expect(program.pids().filter(isAlive)).toEqual([]);
    for (const step of ['its input was closed', 'SIGINT', 'SIGTERM']) expect(logged()).toContain(`ms after ${step}`);
  });

  test('floods its log is heard all the same, and the log stays readable', async () => {
    const program = impostor(`
      process.stdin.removeAllListeners('end');
      process.stderr.write('\\x1b[2J\\x07red \\x1b[31mtext\\u202e\\n' + 'x'.repeat(5_000_000) + '\\n');
      const lines = 'a line of noise\\n'.repeat(100_000);
      process.stderr.write(lines);
      handlers['runs/list'] = () => ({ runs: [] });`);
    const { engine, log } = openClient(() => program.command);
    expect(await engine.request('runs/list', {})).toEqual({ runs: [] });
    await engine.stop();
    const printed = log.filter(({ level }) => level === 'info').map(({ text }) => text);
    expect(printed).toContain('red text');
    expect(Math.max(...printed.map((text) => text.length))).toBeLessThan(2100);
    expect(printed.join('\n')).toMatch(/\d+ more lines left out/);
    expect(printed.length).toBeLessThan(50_000);
  });
});

test('a program that is not there, and a folder that is not there, are told as such and not tried again', async () => {
  const { command } = impostor('');
  const missing = openClient(() => ({ ...command, executable: '/no/such/node' }));
  expect(await problemWith(missing.engine.start())).toMatchObject({
    code: 'engine/not-started',
    message: expect.stringContaining('/no/such/node: there is no such program'),
    remedy: expect.stringContaining('sage.engine.nodePath'),
  });
  expect(missing.states).toEqual(['starting', 'crashed']);
  const homeless = openClient(() => ({ ...command, cwd: '/no/such/folder' }));
  expect((await problemWith(homeless.engine.start())).message).toContain('there is no folder /no/such/folder');
});
