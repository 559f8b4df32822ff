import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SageError } from '../../../engine/errors.ts';
import { openControl, sendControl, type ControlHandler } from '../../../engine/run/control.ts';
import { ended, sees, startChild, temporaryFolder } from './sample-run.ts';

async function opened(handler: ControlHandler, folder = temporaryFolder()) {
  const control = await openControl(folder, handler);
  onTestFinished(() => control.close());
  return { folder, control };
}

const echo: ControlHandler = async (request, by) => ({ request, by, iteration: 3 });

/** Writes bytes to the socket as they are; returns what came back until the end. */
function rawExchange(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = createConnection(path, () => socket.write(bytes));
    socket.on('data', (chunk) => {
      reply += chunk.toString();
      if (reply.split('\n').length > bytes.split('\n').length - 1) socket.end();
    });
    socket.on('close', () => resolve(reply));
    socket.on('error', (error) => (reply ? resolve(reply) : reject(error)));
  });
}

describe('the control socket', () => {
  test('carries a request to the trainer and its answer back', async () => {
    const { folder } = await opened(echo);
    expect(await sendControl(folder, 'pause', { by: 'a test 🎬\n' })).toEqual({
      request: 'pause',
      by: 'a test 🎬\n',
      iteration: 3,
    });
    const many = await Promise.all(
      (['pause', 'continue', 'stop', 'status'] as const).map((r) => sendControl(folder, r)),
    );
    expect(many.map(({ request }) => request)).toEqual(['pause', 'continue', 'stop', 'status']);
  });

  test('passes on why a request was refused', async () => {
    const { folder } = await opened(async (request) => {
      throw request === 'pause'
        ? new SageError('control/paused', 'It is paused.', 'Continue it.')
        : new Error('a defect');
    });
    await expect(sendControl(folder, 'pause')).rejects.toMatchObject({
      code: 'control/paused',
      message: 'It is paused.',
      remedy: 'Continue it.',
    });
    await expect(sendControl(folder, 'stop')).rejects.toMatchObject({ code: 'internal/error', message: 'a defect' });
  });

  test('is the user’s alone, and leaves nothing when closed', async (context) => {
    if (process.platform === 'win32') context.skip('needs Unix sockets');
    const { folder, control } = await opened(echo);
    expect((await stat(join(folder, 'control.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(control.path)).mode & 0o777).toBe(0o600);
    await control.close();
    expect(await readdir(folder)).toEqual([]);
  });

  test('lies in a private folder when the run’s path is too long for a socket', async (context) => {
    if (process.platform === 'win32') context.skip('needs Unix sockets');
    const folder = join(temporaryFolder(), 'long'.repeat(20), 'path'.repeat(20));
    await mkdir(folder, { recursive: true });
    const { control } = await opened(echo, folder);
    expect(Buffer.byteLength(control.path)).toBeLessThanOrEqual(103);
    expect((await stat(dirname(control.path))).mode & 0o777).toBe(0o700);
    expect(await sendControl(folder, 'status')).toMatchObject({ request: 'status' });
    await control.close();
    await expect(stat(dirname(control.path))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('answers bad requests one by one without falling over', async () => {
    const { folder, control } = await opened(echo);
    const { token } = JSON.parse(await readFile(join(folder, 'control.json'), 'utf8'));
    const say = (value: unknown) => JSON.stringify(value) + '\n';
    const requests = [
      'no json\n',
      say({ token, request: 'explode' }),
      say({ token: 'x'.repeat(64), request: 'stop' }),
      say({ token, request: 'status', extra: 1 }),
      say(null),
      say({ token, request: 'status' }),
    ].join('');
    const replies = (await rawExchange(control.path, requests))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(replies.map(({ ok, code }) => code ?? ok)).toEqual([
      'control/bad-request',
      'control/bad-request',
      'control/not-allowed',
      'control/bad-request',
      'control/bad-request',
      true,
    ]);
    expect(JSON.parse(await rawExchange(control.path, 'x'.repeat(100_000)))).toMatchObject({
      ok: false,
      code: 'control/bad-request',
    });
    expect(await sendControl(folder, 'status')).toMatchObject({ request: 'status' });
  });

  test('says so when no trainer runs, also after one was killed, and the next one takes its place', async () => {
    const folder = temporaryFolder();
    await expect(sendControl(folder, 'stop')).rejects.toMatchObject({
      code: 'run/no-trainer',
      advice: [
        { action: 'resume', run: folder },
        { action: 'inspect', run: folder },
      ],
    });
    const child = startChild('serve-control.ts', folder);
    await sees(child, 'open');
    expect(await sendControl(folder, 'status')).toEqual({ request: 'status' });
    child.kill('SIGKILL');
    await ended(child);
    await expect(sendControl(folder, 'stop')).rejects.toMatchObject({ code: 'run/no-trainer' });
    await opened(echo, folder);
    expect(await sendControl(folder, 'status')).toMatchObject({ iteration: 3 });
  });

  test('gives up on a trainer that does not answer in time', async () => {
    const { folder } = await opened(() => new Promise(() => undefined));
    await expect(sendControl(folder, 'stop', { timeoutSeconds: 0.05 })).rejects.toMatchObject({
      code: 'control/timeout',
    });
  });
});
