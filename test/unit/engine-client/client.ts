import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll } from 'vitest';
import { protocolVersion } from '../../../engine/protocol.ts';
import { createEngine, type EngineCommand, type LogSink } from '../../../src/engine/create.ts';
import type { Engine, EngineState } from '../../../src/engine/engine.ts';
import { defaultPolicy, type EnginePolicy } from '../../../src/engine/policy.ts';
import { localEngine } from '../../../src/hosts/local.ts';
import { temporaryFolder, until } from '../../e2e/support.ts';

/** Restarts without long waits; limits that a busy machine keeps. */
export const swift: EnginePolicy = {
  ...defaultPolicy,
  restart: { first: 20, factor: 2, most: 100, limit: 2, healthyAfter: 60_000 },
  farewell: 100,
};

/** Looks so often, and so impatiently, that a program that hangs is found at once. */
export const impatient: EnginePolicy = { ...swift, heartbeat: { every: 40, quiet: 200, unanswered: 400 } };

/** An engine of the tests, with all that it said about itself. */
export interface Client {
  engine: Engine;
  /** Kinds of the states that it went through. */
  states: string[];
  /** Why it had to be started again, each time. */
  backoffs: Extract<EngineState, { kind: 'backoff' }>[];
  log: { level: keyof LogSink; text: string }[];
  logged(): string;
}

const clients: Client[] = [];
afterAll(async () => {
  await Promise.all(clients.map(({ engine }) => engine.stop()));
});

export function openClient(
  command: () => EngineCommand | Promise<EngineCommand>,
  policy: EnginePolicy = swift,
): Client {
  const log: Client['log'] = [];
  const at = (level: keyof LogSink) => (text: string) => void log.push({ level, text });
  const engine = createEngine({
    command: async () => command(),
    log: { trace: at('trace'), info: at('info'), warn: at('warn'), error: at('error') },
    client: { name: 'the tests', version: '1' },
    policy,
  });
  const states: string[] = [];
  const backoffs: Client['backoffs'] = [];
  engine.onState((state) => {
    states.push(state.kind);
    if (state.kind === 'backoff') backoffs.push(state);
  });
  const client = { engine, states, backoffs, log, logged: () => log.map(({ text }) => text).join('\n') };
  clients.push(client);
  return client;
}

/** A client of the real engine. */
export function openServe(folder: string, policy: EnginePolicy = swift): Client {
  const extensionFolder = path.resolve(import.meta.dirname, '../../..');
  const settings = { nodePath: '', pythonPath: '', runsFolder: 'runs', folder, extensionFolder };
  return openClient(() => localEngine(settings), policy);
}

const prelude = `
import { closeSync, existsSync, writeFileSync } from 'node:fs';
process.chdir(import.meta.dirname);
writeFileSync('pid-' + process.pid, '');
const send = (message) => {
  const text = JSON.stringify({ jsonrpc: '2.0', ...message });
  process.stdout.write('Content-Length: ' + Buffer.byteLength(text) + '\\r\\n\\r\\n' + text);
};
const hello = {
  protocolVersion: ${protocolVersion}, packageVersion: '0', node: process.version, platform: 'test', host: 'test',
  pid: process.pid, runs: { folder: '/', exists: true, writable: true },
};
/** Answers by method; what is missing is not answered. */
const handlers = { 'engine/hello': () => hello, 'engine/ping': () => ({}) };
const first = (name) => !existsSync(name) && (writeFileSync(name, ''), true);
let text = Buffer.alloc(0);
process.stdin.on('end', () => process.exit(0));
process.stdin.on('data', (chunk) => {
  text = Buffer.concat([text, chunk]);
  for (;;) {
    const end = text.indexOf('\\r\\n\\r\\n');
    const length = Number(/content-length: (\\d+)/i.exec(text.subarray(0, Math.max(0, end)).toString())?.[1]);
    if (end < 0 || text.length < end + 4 + length) return;
    const message = JSON.parse(text.subarray(end + 4, end + 4 + length).toString());
    text = text.subarray(end + 4 + length);
    const result = handlers[message.method]?.(message.params, message);
    if (result !== undefined) send({ id: message.id, result });
  }
});
`;

/** A program that stands in for an engine which does something that the real one never should. */
export interface Impostor {
  command: EngineCommand;
  folder: string;
  /** Of all its processes so far. */
  pids(): number[];
}

/** @param body runs in it after `prelude` */
export function impostor(body: string): Impostor {
  const folder = temporaryFolder();
  const file = path.join(folder, 'impostor.mjs');
  writeFileSync(file, `${prelude}\n${body}\n`);
  return {
    command: { executable: process.execPath, argv: [file], env: {}, cwd: folder, label: 'this machine' },
    folder,
    pids: () =>
      readdirSync(folder)
        .filter((name) => name.startsWith('pid-'))
        .map((name) => Number(name.slice(4))),
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The problem with which a promise must fail. */
export async function problemWith(promise: Promise<unknown>) {
  const error = await promise.then(
    () => null,
    (reason: Error & { problem?: { code: string; message: string; remedy: string } }) => reason,
  );
  if (error === null) throw new Error('it did not fail');
  if (!error.problem) throw error;
  return error.problem;
}

export async function comesTo(engine: Engine, kind: EngineState['kind']): Promise<EngineState> {
  await until(() => engine.state.kind === kind);
  return engine.state;
}
