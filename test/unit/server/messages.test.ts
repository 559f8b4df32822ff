import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { StreamMessageReader } from 'vscode-jsonrpc/node';
import { z } from 'zod';
import { errorCodes, errorData, notifications, protocolVersion, requests } from '../../../engine/protocol.ts';
import { serve } from '../../../engine/server/serve.ts';
import { temporaryFolder } from '../run/sample-run.ts';

const reply = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: errorData }).optional(),
});
type Reply = z.infer<typeof reply>;

/** A server in this process, spoken to in bytes. */
function startServer() {
  const input = new PassThrough();
  const output = new PassThrough();
  const log: string[] = [];
  const program = { command: process.execPath, argv: [] };
  const served = serve({ runsDir: temporaryFolder(), input, output, program, log: (text) => log.push(text) });
  onTestFinished(async () => {
    input.end();
    await served;
  });
  const replies: Reply[] = [];
  let wake = () => {};
  new StreamMessageReader(output).listen((message) => {
    replies.push(reply.parse(message));
    wake();
  });
  const bytes = (text: string) => input.write(text);
  const frame = (body: string) => bytes(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  const send = (message: unknown) => frame(JSON.stringify(message));
  const next = async (): Promise<Reply> => {
    while (replies.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return replies.shift()!;
  };
  const hello = async () => {
    const params = { protocolVersion, client: { name: 'test', version: '1' } };
    send({ jsonrpc: '2.0', id: 'hello', method: 'engine/hello', params });
    return next();
  };
  /** The server answers a proper request, and nothing else before it. */
  const expectAlive = async () => {
    send({ jsonrpc: '2.0', id: 'alive', method: 'engine/ping', params: {} });
    expect(await next()).toEqual({ jsonrpc: '2.0', id: 'alive', result: {} });
  };
  return { bytes, frame, send, next, hello, expectAlive, log };
}

describe('a message that is none', () => {
  const bodies: [string, string][] = [
    ['no JSON', '{"jsonrpc": "2.0",'],
    ['nothing', ''],
    ['no UTF-8', '\uD800{'],
  ];
  test.each(bodies)('%s: one parse error without an id, and the server lives on', async (_, body) => {
    const server = startServer();
    await server.hello();
    server.frame(body);
    expect(await server.next()).toMatchObject({ id: null, error: { code: errorCodes.parseError } });
    await server.expectAlive();
  });

  test.each([
    ['without a length', 'Content-Type: text\r\n\r\n'],
    ['with a length that is none', 'Content-Length: many\r\n\r\n'],
    ['that is no header', 'hello?\r\n\r\n'],
  ])('a header %s: one parse error, and the server lives on', async (_, text) => {
    const server = startServer();
    await server.hello();
    server.bytes(text);
    expect(await server.next()).toMatchObject({ id: null, error: { code: errorCodes.parseError } });
    await server.expectAlive();
  });

  test('is one error, also with a good message right behind it', async () => {
    const server = startServer();
    await server.hello();
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'engine/ping' });
    server.bytes(`Content-Length: x\r\n\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`);
    expect(await server.next()).toMatchObject({ id: null, error: { code: errorCodes.parseError } });
    expect(await server.next()).toMatchObject({ id: 1, result: {} });
  });
});

describe('a message that is no request', () => {
  const messages: [unknown, string | number | null][] = [
    [5, null],
    [null, null],
    ['text', null],
    [[], null],
    [[{ jsonrpc: '2.0', id: 1, method: 'engine/ping' }], null],
    [{}, null],
    [{ jsonrpc: '1.0', id: 4, method: 'engine/ping' }, 4],
    [{ id: 5, method: 'engine/ping' }, 5],
    [{ jsonrpc: '2.0', id: 'six', method: 6 }, 'six'],
    [{ jsonrpc: '2.0', id: {}, method: 'engine/ping' }, null],
    [{ jsonrpc: '2.0', id: null, method: 'engine/ping' }, null],
    [{ jsonrpc: '2.0', id: 8, method: 'engine/ping', params: 'text' }, 8],
    [{ jsonrpc: '2.0', method: '$/cancelRequest' }, null],
    [{ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: {} } }, null],
  ];
  test.each(messages)('%j: one error, and the server lives on', async (message, id) => {
    const server = startServer();
    await server.hello();
    server.send(message);
    expect(await server.next()).toMatchObject({ id, error: { code: errorCodes.invalidRequest } });
    await server.expectAlive();
  });
});

describe('a request that does not keep to the protocol', () => {
  const file = { run: 'a-20260101-000000', path: 'run.json' };
  const wrong: [string, unknown, string][] = [
    ['run/inspect', {}, 'run'],
    ['run/inspect', [], 'expected object'],
    ['run/inspect', { run: 5 }, 'run'],
    ['run/inspect', { run: '../other' }, 'run: is not the id of a run'],
    ['run/inspect', { run: '/etc' }, 'run'],
    ['run/inspect', { run: 'C:\\x' }, 'run'],
    ['run/inspect', { run: '.launch' }, 'run'],
    ['run/inspect', { run: 'a\u0000b' }, 'run'],
    ['run/inspect', { run: 'a'.repeat(300) }, 'run'],
    ['run/inspect', { run: 'a', depth: true }, 'depth'],
    ['run/subscribe', { run: 'a', fromSeq: -1 }, 'fromSeq'],
    ['run/subscribe', { run: 'a', fromSeq: 1.5 }, 'fromSeq'],
    ['run/subscribe', { run: 'a', pageEvents: 0 }, 'pageEvents'],
    ['run/readFile', { ...file, offset: -1 }, 'offset'],
    ['run/readFile', { ...file, length: 0 }, 'length'],
    ['run/readFile', { ...file, length: 2 ** 30 }, 'length'],
    ['run/readFile', { ...file, offset: 1e300 }, 'offset'],
    ['run/control', { run: 'a', request: 'status' }, 'request'],
    ['run/control', { run: 'a', request: 'pause; rm -rf /' }, 'request'],
    ['run/launch', { file: '' }, 'file'],
    ['run/launch', { file: '/x', text: 5 }, 'text'],
    ['run/launch', { file: '/x', overrides: 'a=b' }, 'overrides'],
    ['runs/compare', { runs: [] }, 'runs'],
    ['engine/hello', { protocolVersion: '1' }, 'protocolVersion'],
    ['engine/ping', { extra: 1 }, 'extra'],
  ];
  test.each(wrong)('%s %j is refused by the name of what is wrong', async (method, params, what) => {
    const server = startServer();
    await server.hello();
    server.send({ jsonrpc: '2.0', id: 1, method, params });
    const { error } = await server.next();
    expect(error).toMatchObject({ code: errorCodes.invalidParams, data: { code: 'protocol/bad-params' } });
    expect(error!.message).toContain(what);
    await server.expectAlive();
  });

  test.each(['nothing', 'toString', '__proto__', 'constructor', ''])('there is no request %j', async (method) => {
    const server = startServer();
    await server.hello();
    server.send({ jsonrpc: '2.0', id: 1, method });
    expect(await server.next()).toMatchObject({
      error: { code: errorCodes.methodNotFound, data: { code: 'protocol/unknown-method' } },
    });
    await server.expectAlive();
  });

  test('notifications and answers that nobody expects are passed over', async () => {
    const server = startServer();
    await server.hello();
    server.send({ jsonrpc: '2.0', method: 'nothing' });
    server.send({ jsonrpc: '2.0', method: 'engine/ping', params: {} });
    server.send({ jsonrpc: '2.0', id: 77, result: 'none' });
    server.send({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 99 } });
    await server.expectAlive();
  });
});

describe('the handshake', () => {
  test('comes first: any other request is refused before it', async () => {
    const server = startServer();
    server.send({ jsonrpc: '2.0', id: 1, method: 'runs/list', params: {} });
    expect(await server.next()).toMatchObject({
      error: { code: errorCodes.invalidRequest, data: { code: 'protocol/no-hello' } },
    });
    expect((await server.hello()).error).toBeUndefined();
    server.send({ jsonrpc: '2.0', id: 2, method: 'runs/list', params: {} });
    expect(await server.next()).toMatchObject({ id: 2, result: { runs: [] } });
  });

  test('tells versions, machine and folder', async () => {
    const { result } = await startServer().hello();
    expect(requests['engine/hello'].result.parse(result)).toMatchObject({
      protocolVersion,
      node: process.version,
      pid: process.pid,
      runs: { exists: true, writable: true },
    });
  });

  test('with another protocol version is refused with both versions and what to do', async () => {
    const server = startServer();
    const params = { protocolVersion: 999, client: { name: 'test', version: '1' } };
    server.send({ jsonrpc: '2.0', id: 1, method: 'engine/hello', params });
    const { error } = await server.next();
    expect(error).toMatchObject({ code: errorCodes.failed, data: { code: 'protocol/version' } });
    expect(error!.message).toMatch(/version 999 .* version 1\b/);
    expect(error!.data.remedy).toContain('same version');
    server.send({ jsonrpc: '2.0', id: 2, method: 'engine/ping' });
    expect((await server.next()).error!.data.code).toBe('protocol/no-hello');
  });
});

test('what the engine sends is refused by the client when it is none of the protocol', () => {
  const events = notifications['run/events'];
  const page = { subscription: 1, events: [], restarted: false, caughtUp: true };
  expect(events.safeParse(page).success).toBe(true);
  for (const event of [null, 5, {}, { kind: 'iteration', v: 1, seq: 1 }, { kind: '__proto__' }, { kind: 'x', seq: 1 }])
    expect(events.safeParse({ ...page, events: [event] }).success).toBe(false);
});
