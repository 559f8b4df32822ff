import { execFileSync } from 'node:child_process';
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, needsMount } from '../../support/needs.ts';
import { SageError } from '../../../engine/errors.ts';
import { findBox } from '../../../engine/media/mp4.ts';
import { createVideoWriter } from '../../../engine/media/writer.ts';
import type { VideoJob, VideoWriter } from '../../../engine/media/writer.ts';
import { loadedVideo } from '../../../engine/policy/policy.ts';
import { eightColours, flatVideo } from './testvideo.ts';

let folder: string;
let writer: VideoWriter;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sage-media-'));
  writer = createVideoWriter({ quality: 26, framesPerSecond: 8, capacity: 2 });
});
afterEach(async () => {
  await writer.close();
  await rm(folder, { recursive: true, force: true });
});

const job = (name: string, inside = folder): VideoJob => ({
  video: loadedVideo(flatVideo(eightColours)),
  file: join(inside, `${name}.mp4`),
  poster: join(inside, `${name}.png`),
  scale: 8,
});

async function failure(promise: Promise<void>): Promise<SageError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SageError);
  return error as SageError;
}

describe('the video writer', () => {
  it('writes every video and its poster, making the folder, and leaves nothing else', async () => {
    const inside = join(folder, 'rollouts', '000012');
    const jobs = [0, 1, 2].map((g) => job(`p00-g${g}`, inside));
    await writer.enqueue(jobs);
    expect(writer.pending).toBe(3);
    await writer.drain();
    expect(writer.pending).toBe(0);
    const names = await readdir(inside);
    expect(names.sort()).toEqual(jobs.flatMap((_, g) => [`p00-g${g}.mp4`, `p00-g${g}.png`]));
    expect(findBox(await readFile(jobs[2].file), ['moov'])).not.toBeNull();
    expect(decode(await readFile(jobs[2].poster))).toMatchObject({ width: 256, height: 256 });
  });

  it('leaves the pixels to the caller and does not see what is done to them afterwards', async () => {
    const [first, second] = [job('a'), job('b')];
    await writer.enqueue([first]);
    const { pixels } = await first.video.load();
    pixels.fill(0);
    await writer.enqueue([second]);
    await writer.drain();
    expect(pixels.length).toBe(8 * 32 * 32 * 3);
    expect(Buffer.compare(await readFile(first.file), await readFile(second.file))).toBe(0);
  });

  it('replaces an existing file', async () => {
    const again = job('a');
    await writeFile(again.file, 'something older');
    await writer.enqueue([again]);
    await writer.drain();
    expect((await readFile(again.file)).subarray(4, 8).toString()).toBe('ftyp');
  });

  it('is ready when no more than its capacity wait', async () => {
    await writer.enqueue(['a', 'b', 'c', 'd', 'e'].map((name) => job(name)));
    await writer.ready();
    expect(writer.pending).toBe(2);
    await writer.drain();
  });

  it('reports the first failure once, with its file, and writes all the others', async () => {
    await writeFile(join(folder, 'taken'), 'a file where a folder is needed');
    await writer.enqueue([job('a'), job('b', join(folder, 'taken')), job('c', join(folder, 'taken')), job('d')]);
    const error = await failure(writer.drain());
    expect(error.code).toBe('file/not-a-folder');
    expect(error.place.file).toBe(join(folder, 'taken', 'b.png'));
    expect(error.message).toContain(join(folder, 'taken', 'b.png'));
    expect((await readdir(folder)).sort()).toEqual(['a.mp4', 'a.png', 'd.mp4', 'd.png', 'taken']);
    await writer.drain();
  });

  it('survives a video that cannot be encoded', async () => {
    const video = loadedVideo({ frames: 0, height: 0, width: 0, pixels: new Float32Array(0) });
    const empty = { ...job('empty'), video };
    await writer.enqueue([empty, job('a')]);
    expect((await failure(writer.drain())).place.file).toContain('empty');
    expect((await readdir(folder)).filter((name) => name.startsWith('a.'))).toEqual(['a.mp4', 'a.png']);
  });

  it('on a full disk says so in one error and leaves no torn file', async (context) => {
    if (!canMount) context.skip(needsMount);
    const small = join(folder, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
    try {
      await writer.enqueue(Array.from({ length: 30 }, (_, i) => job(`v${i}`, small)));
      const error = await failure(writer.drain());
      expect(error.code).toBe('disk/full');
      expect(error.place.file).toContain(small);
      for (const name of await readdir(small)) expect(name).toMatch(/\.(mp4|png)$/);
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });
});
