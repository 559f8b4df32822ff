/**
 * The thread that encodes and writes videos, so that the trainer does not wait for them. Takes `VideoTask`s, answers
 * each with a `VideoTaskResult`, in order.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { encodePoster, encodeVideo } from './encode.ts';
import type { EncodeOptions } from './encode.ts';
import type { ByteVideo } from './frames.ts';

export interface VideoTask extends EncodeOptions {
  id: number;
  video: ByteVideo;
  scale: number;
  file: string;
  poster: string;
}

/** `fault` is null when both files are in place; else the file it happened at, the system's code and its words. */
export interface VideoTaskResult {
  id: number;
  fault: { file: string; code: string | null; message: string } | null;
}

// The wasm module's start-up code turns any stray rejection of its host into an abort; that is not its business.
for (const event of ['uncaughtException', 'unhandledRejection']) process.removeAllListeners(event);

let last: Promise<void> = Promise.resolve();
parentPort!.on('message', (task: VideoTask) => {
  last = last.then(async () => parentPort!.postMessage(await perform(task)));
});

async function perform(task: VideoTask): Promise<VideoTaskResult> {
  let file = task.file;
  try {
    // The poster first: whoever sees the video may count on its poster.
    file = task.poster;
    replaceFile(file, encodePoster(task.video, task.scale));
    file = task.file;
    replaceFile(file, await encodeVideo(task.video, task.scale, task));
    return { id: task.id, fault: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return {
      id: task.id,
      fault: { file, code: typeof code === 'string' ? code : null, message: message ?? String(error) },
    };
  }
}

/** The file is there whole or not at all; its folder is made when it is missing. */
function replaceFile(file: string, bytes: Uint8Array): void {
  const partial = `${file}.partial`;
  try {
    try {
      writeFileSync(partial, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(partial, bytes);
    }
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
