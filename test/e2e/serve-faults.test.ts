import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { StreamMessageReader, StreamMessageWriter, type Message } from 'vscode-jsonrpc/node';
import { protocolVersion } from '../../engine/protocol.ts';
import { openEventLog } from '../../engine/run/event-log.ts';
import { createRun, runPaths } from '../../engine/run/folder.ts';
import { config as sampleConfig, iterationEvent, provenance } from '../unit/run/sample-run.ts';
import { ended, openEngine, startEngine } from './engine.ts';
import { eventsOf, onlyRun, recordOf, sage, temporaryFolder, tinyConfig, until } from './support.ts';

describe('a launch that cannot be', () => {
  test('says line, reason and remedy as the command line does, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    // No Python of the person's own, which would look for the weights of a large model.
    vi.stubEnv('SAGE_PYTHON', path.join(folder, 'python'));
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const engine = await openEngine(runs);
    vi.unstubAllEnvs();
    const broken = path.join(folder, 'broken.sage.yaml');
    writeFileSync(broken, 'policy: { model: shapes }\nexploration:\n  etta: 0.5\ntraining: { iterations: -1 }\n');
    const problem = await engine.refusal('run/launch', { file: broken });
    expect(problem).toMatchObject({ code: 'config/unknown-key', place: { file: broken, line: 3, column: 3 } });
    expect(problem.remedy).toContain('eta');
    const validated = JSON.parse((await sage(['validate', broken, '--json'])).stdout);
    expect(problem.diagnostics).toEqual(validated);
    expect(validated).toHaveLength(2);

    const missing = path.join(folder, 'brocken.sage.yaml');
    expect(await engine.refusal('run/launch', { file: missing })).toMatchObject({ code: 'config/missing-file' });
    const paper = 'policy: { model: hunyuan-video-1.5 }\nprompts: ["a cat"]\nrollout: { prompts_per_iteration: 1 }\n';
    const torch = await engine.refusal('run/launch', { file: path.join(folder, 'x.sage.yaml'), text: paper });
    expect(torch.code).toMatch(/^(worker\/python$|policy\/)/);
    const overrides = ['exploration.eta=much'];
    const flagged = await engine.refusal('run/launch', { file: tinyConfig(folder), overrides });
    expect(flagged.diagnostics!.find(({ severity }) => severity === 'error')).toMatchObject({
      path: 'exploration.eta',
      flag: overrides[0],
    });
    expect(await engine.refusal('run/launch', { file: 'tiny.sage.yaml' })).toMatchObject({ code: 'path/relative' });
    expect(existsSync(runs)).toBe(false);
    await engine.close();
  });

  test('because of the folder, is refused in the words of the command line', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    writeFileSync(runs, 'mine');
    const engine = await openEngine(runs);
    expect(await engine.refusal('run/launch', { file: tinyConfig(folder) })).toMatchObject({
      code: 'file/not-a-folder',
      message: expect.stringContaining('Could not create the run folder'),
    });
    expect(readFileSync(runs, 'utf8')).toBe('mine');
    await engine.close();
  });

  test('is cancelled without a trace', async () => {
    const folder = temporaryFolder();
    const runs = path.join(folder, 'runs');
    const engine = await openEngine(runs);
    const { answer, cancel } = engine.askCancellably('run/launch', { file: tinyConfig(folder) });
    await until(() => existsSync(runs) && readdirSync(runs).length > 0);
    cancel();
    await expect(answer).rejects.toThrow('cancelled');
    await until(() => !existsSync(runs));
    await engine.close();
  });
});

test('a trainer whose engine is killed before it has answered trains all the same', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const engine = await openEngine(runs);
  const request = { file: tinyConfig(folder), overrides: ['training.iterations=1'] };
  const { answer } = engine.askCancellably('run/launch', request);
  answer.catch(() => {});
  // The first that the trainer prints is a warning about its config.
  const files = () => (existsSync(runs) ? readdirSync(runs).map((name) => path.join(runs, name)) : []);
  await until(() => files().some((file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0));
  engine.child.kill('SIGKILL');
  await until(() => readdirSync(runs).some((name) => name.startsWith('tiny-')));
  const runFolder = onlyRun(runs);
  await until(() => recordOf(runFolder).status === 'finished');
  expect(readFileSync(path.join(runFolder, 'engine.log'), 'utf8')).toContain('iteration 1/1');
  expect(readdirSync(runs)).toEqual([path.basename(runFolder)]);
});

test('a text that is in no file is checked, explained and launched as if it stood there', async () => {
  const folder = temporaryFolder();
  const runs = path.join(folder, 'runs');
  const engine = await openEngine(runs);
  writeFileSync(path.join(folder, 'words.txt'), 'a red circle moving left\na blue square moving up\n');
  const settings = JSON.parse(readFileSync(tinyConfig(folder), 'utf8'));
  const text = `# ünsaved 🎬\n${JSON.stringify({ ...settings, name: undefined, prompts: { file: 'words.txt' } })}\n`;
  const source = { file: path.join(folder, 'unsaved.sage.yaml'), text, overrides: ['training.iterations=1'] };
  const { diagnostics } = await engine.ask('config/validate', { ...source, text: `${text}typo: 1\n` });
  expect(diagnostics.map(({ severity }) => severity)).toContain('error');
  const { plan } = await engine.ask('config/explain', source);
  expect(plan).toMatchObject({
    name: 'unsaved',
    model: 'shapes',
    iterations: 1,
    promptsPerIteration: 2,
    generations: 2,
    rolloutsPerIteration: 4,
    runsFolder: runs,
  });
  expect(plan!.command.slice(-6)).toEqual(
    ['train', source.file, '--runs', runs, '--set', source.overrides[0], '--stdin'].slice(-6),
  );
  const { folder: runFolder } = await engine.launch(source);
  expect(readFileSync(path.join(runFolder, 'config.sage.yaml'), 'utf8')).toBe(text);
  await until(() => recordOf(runFolder).status === 'finished');
  expect(readdirSync(folder).sort()).toEqual(['runs', 'tiny.sage.yaml', 'words.txt']);
  await engine.close();
});

test('validate and doctor say what the commands say, presets run as they stand', async () => {
  const folder = temporaryFolder();
  const engine = await openEngine(path.join(folder, 'runs'));
  const file = tinyConfig(folder);
  const { diagnostics } = await engine.ask('config/validate', { file });
  expect(diagnostics).toEqual(JSON.parse((await sage(['validate', file, '--json'])).stdout));
  const { findings } = await engine.ask('engine/doctor', {});
  expect(findings.find(({ check }) => check === 'embedded model')).toMatchObject({ state: 'ok' });
  const { presets } = await engine.ask('config/presets', {});
  const shapes = presets.find(({ name }) => name === 'shapes')!;
  const checked = await engine.ask('config/validate', { file: path.join(folder, 'new.sage.yaml'), text: shapes.text });
  expect(checked.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  await engine.close();
});

test('what a config takes is estimated as the command does, with the prompts of its file counted', async () => {
  const folder = temporaryFolder();
  const engine = await openEngine(path.join(folder, 'runs'));
  writeFileSync(path.join(folder, 'words.txt'), 'a red circle moving left\na blue square moving up\n');
  const text =
    'policy: { model: shapes }\nprompts: { file: words.txt }\nrollout: { prompts_per_iteration: 2, generations: 16 }\nevaluation: { videos_per_prompt: 3 }\n';
  const file = path.join(folder, 'one_of_mine.sage.yaml');
  const { estimate, markdown, diagnostics } = await engine.ask('config/estimate', { file, text });
  expect(diagnostics).toEqual([]);
  expect(estimate).toMatchObject({ model: 'shapes', parameters: { policy: 554_400 }, work: { evaluationVideos: 6 } });
  expect(markdown).toContain('# Estimate of one\\_of\\_mine\n\n**An estimate, not a measurement.** Shapes on this CPU');
  writeFileSync(file, text);
  expect(JSON.parse((await sage(['estimate', file, '--json'])).stdout)).toEqual(estimate);

  const large = {
    file: path.resolve(import.meta.dirname, '../../examples/hunyuan-video-1.5.sage.yaml'),
    device: 'h200',
  } as const;
  const asked = await engine.ask('config/estimate', large);
  expect(asked.estimate).toMatchObject({ device: { name: 'h200', count: 32 }, memory: { fits: true } });
  const wrong = await engine.ask('config/estimate', { file, text: `${text}typo: 1\n` });
  expect(wrong).toMatchObject({ estimate: null, markdown: '', diagnostics: [{ code: 'config/unknown-key' }] });
  await engine.close();
});

describe('the process', () => {
  /** A run whose log is larger than any pipe. */
  async function runWithLongLog(runs: string): Promise<{ run: string; folder: string }> {
    const { id, folder } = await createRun(runs, 'long', 'name: long\n', sampleConfig, provenance);
    const log = await openEventLog(runPaths(folder).events);
    for (let i = 1; i <= 1500; i++) log.append(iterationEvent(i, 20));
    log.close();
    return { run: id, folder };
  }

  test('prints nothing but the protocol, and ends with its input, at once and without an error', async () => {
    const { child, stderr } = startEngine(path.join(temporaryFolder(), 'runs'));
    let printed = '';
    child.stdout!.on('data', (chunk: Buffer) => (printed += chunk.toString('latin1')));
    child.stdin!.end();
    expect(await ended(child)).toBe(0);
    expect(printed).toBe('');
    expect(stderr()).toContain('serving ');
  });

  test('outlives garbage on its input', async () => {
    const engine = await openEngine(path.join(temporaryFolder(), 'runs'));
    engine.child.stdin!.write('what is this?\r\n\r\n{"no": "message"}Content-Length: -5\r\n\r\n\0\0');
    engine.child.stdin!.write('\r\n\r\n');
    expect(await engine.ask('engine/ping', {})).toEqual({});
    expect(await engine.close()).toBe(0);
  });

  test('sends a long backlog in pages, and answers in between', async () => {
    const runs = path.join(temporaryFolder(), 'runs');
    const { run, folder } = await runWithLongLog(runs);
    const engine = await openEngine(runs);
    const followed = await engine.follow(run);
    await engine.ask('engine/ping', {});
    expect(followed.caughtUp).toBe(false);
    await until(() => followed.caughtUp);
    expect(followed.events).toEqual(eventsOf(folder));
    await engine.close();
  });

  test('is not held up by an editor that does not read', async () => {
    const runs = path.join(temporaryFolder(), 'runs');
    const { run } = await runWithLongLog(runs);
    const { child, stderr } = startEngine(runs);
    const writer = new StreamMessageWriter(child.stdin!);
    const send = (id: number, method: string, params: object) =>
      writer.write({ jsonrpc: '2.0', id, method, params } as Message);
    child.stdout!.pause();
    await send(1, 'engine/hello', { protocolVersion, client: { name: 'mute', version: '1' } });
    await until(() => stderr().includes('hello from'));
    await send(2, 'run/subscribe', { run });
    await send(3, 'nothing', {});
    await send(4, 'engine/hello', { protocolVersion, client: { name: 'still there', version: '1' } });
    await until(() => stderr().includes('still there'));
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
  });

  test('sends no page of a subscription that was ended', async () => {
    const runs = path.join(temporaryFolder(), 'runs');
    const { run } = await runWithLongLog(runs);
    const { child } = startEngine(runs);
    const writer = new StreamMessageWriter(child.stdin!);
    const seen: { id?: number; method?: string }[] = [];
    new StreamMessageReader(child.stdout!).listen((message) => void seen.push(message as never));
    const send = (id: number, method: string, params: object) =>
      writer.write({ jsonrpc: '2.0', id, method, params } as Message);
    await send(1, 'engine/hello', { protocolVersion, client: { name: 'fickle', version: '1' } });
    await send(2, 'run/subscribe', { run });
    await send(3, 'run/unsubscribe', { subscription: 1 });
    await send(4, 'engine/ping', {});
    await until(() => seen.some(({ id }) => id === 4));
    const answered = seen.findIndex(({ id }) => id === 3);
    expect(seen.slice(answered).filter(({ method }) => method === 'run/events')).toEqual([]);
    child.stdin!.end();
    expect(await ended(child)).toBe(0);
  });
});

test('a folder of runs that holds junk is listed, with what is wrong', async () => {
  const runs = path.join(temporaryFolder(), 'runs');
  mkdirSync(path.join(runs, 'evil-20260101-000000'), { recursive: true });
  writeFileSync(path.join(runs, 'evil-20260101-000000', 'run.json'), '<script>alert(1)</script>');
  mkdirSync(path.join(runs, 'notes'));
  mkdirSync(path.join(runs, '<img src=x>-20260101-000001'));
  const engine = await openEngine(runs);
  const listed = (await engine.ask('runs/list', {})).runs;
  expect(listed.map(({ id, status }) => [id, status])).toEqual([['evil-20260101-000000', null]]);
  expect(listed[0].broken).toContain('run.json is not JSON');
  expect(await engine.refusal('run/inspect', { run: 'notes' })).toMatchObject({ code: 'run/broken' });
  await engine.close();
});
