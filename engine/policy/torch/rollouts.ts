import { rm } from 'node:fs/promises';
import { SageError } from '../../errors.ts';
import { readSafetensors } from '../../run/safetensors.ts';
import type { PolicyDescription, SampledVideo, Video } from '../policy.ts';
import type { Worker } from './worker.ts';

/** Where a video of the worker is: sample i of a rollout. */
export interface Place {
  handle: string;
  sample: number;
}

const places = new WeakMap<SampledVideo, Place>();

/** Where a video is that a worker sampled. @throws for any other */
export function placeOf(video: SampledVideo): Place {
  const place = places.get(video);
  if (!place) throw new Error('this video was not sampled by the worker');
  return place;
}

/** The videos of a rollout, which stay in the worker until one is looked at; then all of them come, once. */
export function videosOf(
  worker: Worker,
  handle: string,
  samples: number,
  { frames, height, width }: PolicyDescription['video'],
): SampledVideo[] {
  let fetched: Promise<Video[]> | null = null;
  const all = () => (fetched ??= fetchVideos(worker, handle, samples));
  return Array.from({ length: samples }, (_, sample) => {
    const video: SampledVideo = { frames, height, width, load: async () => (await all())[sample] };
    places.set(video, { handle, sample });
    return video;
  });
}

async function fetchVideos(worker: Worker, handle: string, samples: number): Promise<Video[]> {
  const { files } = await worker.ask('fetch', { handle });
  const videos: Video[] = [];
  for (const file of files) {
    const { tensors } = await readSafetensors(file);
    await rm(file, { force: true });
    const pixels = tensors.get('pixels');
    const indices = tensors.get('samples');
    if (pixels?.dtype !== 'float32' || pixels.shape.length !== 5 || indices?.dtype !== 'int64') throw incomplete(file);
    const [, frames, height, width] = pixels.shape;
    const size = frames * height * width * 3;
    const values = pixels.data as Float32Array;
    [...(indices.data as BigInt64Array)].forEach((sample, row) => {
      videos[Number(sample)] = { frames, height, width, pixels: values.subarray(row * size, (row + 1) * size) };
    });
  }
  for (let sample = 0; sample < samples; sample++)
    if (!videos[sample]) throw incomplete(`sample ${sample} of ${handle}`);
  return videos;
}

function incomplete(what: string): SageError {
  return new SageError(
    'worker/videos',
    `The worker did not hand over the videos it sampled: ${what} is missing or of another form.`,
    'This is a defect of the program; report it together with engine.log.',
  );
}
