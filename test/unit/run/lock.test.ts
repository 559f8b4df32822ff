import { link, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockState, processStart, takeLock } from '../../../engine/run/lock.ts';
import { ended, sees, startChild, temporaryFolder } from './sample-run.ts';

const lockFiles = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith('lock'));

/** Leaves the lock of a process that was killed. */
async function leaveStaleLock(folder: string): Promise<number> {
  const child = startChild('take-lock.ts', folder);
  await sees(child, 'ready');
  child.stdin!.write('0\n');
  await sees(child, 'won');
  child.kill('SIGKILL');
  await ended(child);
  return child.pid!;
}

/** Lets several processes go for the lock at the same moment; returns what each said. */
async function race(folder: string, runners: number): Promise<{ said: string[]; letGo: () => Promise<void> }> {
  const children = Array.from({ length: runners }, () => startChild('take-lock.ts', folder));
  await Promise.all(children.map((child) => sees(child, 'ready')));
  const at = Date.now() + 100;
  const answers = children.map((child) => sees(child, '\n'));
  for (const child of children) child.stdin!.write(`${at}\n`);
  const said = await Promise.all(answers);
  const letGo = async () => {
    for (const child of children) child.stdin!.end();
    await Promise.all(children.map(ended));
  };
  return { said: said.map((text) => text.trim()), letGo };
}

describe('the lock of a run', () => {
  test('refuses a second trainer, naming the process that holds it, until it is released', async () => {
    const folder = temporaryFolder();
    const lock = await takeLock(folder);
    const refusal = { code: 'run/locked', message: expect.stringContaining(`process ${process.pid} `), exitCode: 1 };
    await expect(takeLock(folder)).rejects.toMatchObject(refusal);
    expect(await lockState(folder)).toMatchObject({ held: true, record: { pid: process.pid } });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    await (await takeLock(folder)).release();
  });

  test('goes to exactly one of several processes that want it at once', async () => {
    const folder = temporaryFolder();
    const { said, letGo } = await race(folder, 3);
    const winner = said.find((line) => line.startsWith('won'))!.split(' ')[1];
    expect(said.filter((line) => line.startsWith('won'))).toHaveLength(1);
    for (const line of said.filter((text) => text.startsWith('lost'))) expect(line).toContain(`process ${winner} `);
    expect(await lockFiles(folder)).toEqual(['lock']);
    await letGo();
    expect(await lockFiles(folder)).toEqual([]);
  });

  test('of a killed process is taken over, by exactly one of several', async () => {
    const folder = temporaryFolder();
    const dead = await leaveStaleLock(folder);
    expect(await lockState(folder)).toMatchObject({ held: false, record: { pid: dead } });
    const { said, letGo } = await race(folder, 3);
    expect(said.filter((line) => line.startsWith('won'))).toHaveLength(1);
    expect(await lockFiles(folder)).toEqual(['lock']);
    await letGo();
    expect(await lockFiles(folder)).toEqual([]);
  });

  test('goes to exactly one of many takers in one process, over and over', async () => {
    const folder = temporaryFolder();
    const text = JSON.stringify({ ...(await sampleRecord(folder)), startTime: '1' });
    for (let round = 0; round < 20; round++) {
      await writeFile(join(folder, 'lock'), text.replace(/"token":"../, `"token":"${String(10 + round)}`));
      const takers = await Promise.allSettled(Array.from({ length: 6 }, () => takeLock(folder)));
      const winners = takers.filter((taker) => taker.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      await winners[0].value.release();
      expect(await lockFiles(folder)).toEqual([]);
    }
  });

  test('left half taken over by a process that then died is taken over all the same', async () => {
    const folder = temporaryFolder();
    const record = { ...(await sampleRecord(folder)), startTime: '1' };
    const [first, second] = ['a'.repeat(32), 'b'.repeat(32)];
    await writeFile(join(folder, 'lock'), JSON.stringify({ ...record, token: first }));
    await writeFile(join(folder, 'lock.tmp-x'), JSON.stringify({ ...record, token: second }));
    await link(join(folder, 'lock.tmp-x'), join(folder, `lock.after-${first}`));
    await utimes(join(folder, 'lock.tmp-x'), 0, 0);
    const lock = await takeLock(folder);
    expect(JSON.parse(await readFile(join(folder, 'lock'), 'utf8'))).toEqual(lock.record);
    expect(await lockFiles(folder)).toEqual(['lock']);
    await lock.release();
  });

  test('is stale when its pid belongs to another process by now, or it is from before the last boot', async () => {
    const folder = temporaryFolder();
    const record = await sampleRecord(folder);
    for (const stale of [{ startTime: '1' }, { boot: 'an earlier one' }]) {
      await writeFile(join(folder, 'lock'), JSON.stringify({ ...record, ...stale }));
      expect((await lockState(folder)).held).toBe(false);
      await (await takeLock(folder)).release();
    }
  });

  test('of another host is never taken over, and the way out is named', async () => {
    const folder = temporaryFolder();
    await writeFile(join(folder, 'lock'), JSON.stringify({ ...(await sampleRecord(folder)), host: 'gpu-7' }));
    const error = await takeLock(folder).catch((e) => e);
    expect(error).toMatchObject({ code: 'run/locked', message: expect.stringContaining('gpu-7') });
    expect(error.remedy).toContain(join(folder, 'lock'));
    expect((await lockState(folder)).held).toBe(true);
    expect(await lockFiles(folder)).toEqual(['lock']);
  });

  test('whose file is damaged is taken over once it is surely not being written', async () => {
    const folder = temporaryFolder();
    await writeFile(join(folder, 'lock'), '');
    await utimes(join(folder, 'lock'), 0, 0);
    const lock = await takeLock(folder);
    expect((await lockState(folder)).record).toEqual(lock.record);
  });

  test('is not released by one who does not own it any more', async () => {
    const folder = temporaryFolder();
    const lock = await takeLock(folder);
    const other = JSON.stringify({ ...lock.record, token: 'c'.repeat(32) });
    await writeFile(join(folder, 'lock'), other);
    await lock.release();
    expect(await readFile(join(folder, 'lock'), 'utf8')).toBe(other);
  });

  test('in a folder that is missing is one clear error', async () => {
    const folder = join(temporaryFolder(), 'none');
    await expect(takeLock(folder)).rejects.toMatchObject({
      code: 'file/missing',
      place: { file: join(folder, 'lock') },
    });
  });
});

describe('a process', () => {
  test('is told from a later one of the same pid by when it began, and a dead one has no beginning', async () => {
    expect(await processStart(process.pid)).toBe(await processStart(process.pid));
    const child = startChild('take-lock.ts', temporaryFolder());
    await sees(child, 'ready');
    expect(await processStart(child.pid!)).not.toBe(await processStart(process.pid));
    child.kill('SIGKILL');
    await ended(child);
    expect(await processStart(child.pid!)).toBeNull();
  });
});

async function sampleRecord(folder: string) {
  const lock = await takeLock(folder);
  await lock.release();
  return lock.record;
}
