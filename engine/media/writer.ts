import { Worker } from 'node:worker_threads';
import { SageError } from '../errors.ts';
import type { SampledVideo } from '../policy/policy.ts';
import { diskError } from '../run/disk.ts';
import type { EncodeOptions } from './encode.ts';
import { toBytes } from './frames.ts';
import type { VideoTask, VideoTaskResult } from './video-worker.ts';

/** One video to write: absolute paths of the MP4 and its PNG poster; `scale` is raised until the video has 256 pixels. */
export interface VideoJob {
  video: SampledVideo;
  file: string;
  poster: string;
  scale: number;
}

export interface VideoWriterOptions extends EncodeOptions {
  /** `ready` holds while more than this many videos wait (default 256, 6 MiB of 8-frame 32×32 videos). */
  capacity?: number;
}

/** Writes videos in a thread of its own. Nothing throws but `drain`. */
export interface VideoWriter {
  /** Resolves when the pixels are copied, before they are written: the rollout may be released then. */
  enqueue(jobs: VideoJob[]): Promise<void>;
  /** Resolves when at most `capacity` videos wait: await it before a rollout whose videos will be enqueued. */
  ready(): Promise<void>;
  /** Resolves when all is written. Rejects with the first SageError since the last `drain`; the writer stays usable. */
  drain(): Promise<void>;
  /** Videos enqueued and not yet written. */
  readonly pending: number;
  /** Ends the thread; videos that still wait are dropped, so drain first. */
  close(): Promise<void>;
}

// Runs from source (.ts) and bundled (.js, beside the program), so the worker is found by the extension of this file.
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './video-worker.ts' : './video-worker.js',
  import.meta.url,
);

/** Starts the writer; its thread starts with the first video and does not keep the process alive when idle. */
export function createVideoWriter(options: VideoWriterOptions): VideoWriter {
  const { capacity = 256, quality, framesPerSecond } = options;
  const waiting = new Map<number, string>();
  let listeners: { limit: number; resolve: () => void }[] = [];
  let failure: SageError | null = null;
  let worker: Worker | null = null;
  let nextId = 0;

  function settle(): void {
    if (waiting.size === 0) worker?.unref();
    const due = listeners.filter((listener) => waiting.size <= listener.limit);
    listeners = listeners.filter((listener) => waiting.size > listener.limit);
    for (const listener of due) listener.resolve();
  }
  const until = (limit: number) =>
    new Promise<void>((resolve) => {
      listeners.push({ limit, resolve });
      settle();
    });

  function start(): Worker {
    const thread = new Worker(workerFile);
    thread.on('message', ({ id, fault }: VideoTaskResult) => {
      waiting.delete(id);
      if (fault) failure ??= describeFault(fault);
      settle();
    });
    thread.on('error', (error) => lose(thread, error.message));
    thread.on('exit', (code) => lose(thread, `the thread ended with code ${code}`));
    return thread;
  }
  function lose(thread: Worker, message: string): void {
    if (worker !== thread) return;
    worker = null;
    const [file] = waiting.values();
    if (file !== undefined) failure ??= describeFault({ file, code: null, message });
    waiting.clear();
    settle();
  }

  return {
    async enqueue(jobs) {
      for (const { video, file, poster, scale } of jobs) {
        const bytes = toBytes(await video.load());
        worker ??= start();
        worker.ref();
        const task: VideoTask = { id: nextId++, video: bytes, scale, file, poster, quality, framesPerSecond };
        waiting.set(task.id, file);
        worker.postMessage(task, [task.video.pixels.buffer]);
      }
    },
    ready: () => until(capacity),
    async drain() {
      await until(0);
      const thrown = failure;
      failure = null;
      if (thrown) throw thrown;
    },
    get pending() {
      return waiting.size;
    },
    async close() {
      const thread = worker;
      worker = null;
      waiting.clear();
      settle();
      await thread?.terminate();
    },
  };
}

function describeFault({ file, code, message }: NonNullable<VideoTaskResult['fault']>): SageError {
  const cause = Object.assign(new Error(message), code === null ? {} : { code });
  const fault = diskError(cause, file, 'write the video');
  if (fault instanceof SageError) return fault;
  const remedy = 'Set videos.every to 0 to go on without videos, and report this together with engine.log.';
  return new SageError('videos/failed', `Could not encode the video ${file}: ${message}.`, remedy, {
    place: { file },
    cause,
  });
}
