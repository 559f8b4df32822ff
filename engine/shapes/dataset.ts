import { closeSync, openSync, writeSync } from 'node:fs';
import type { Video } from '../policy/policy.ts';
import { nullWords, wordsAt } from './grammar.ts';
import type { WordIndices } from './grammar.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { renderScene } from './render.ts';
import { nominalFrames, nominalSize, randomScene } from './scene.ts';
import type { Scene } from './scene.ts';

/** How the training videos are spoilt. Each flaw strikes independently; lengths are pixels of a 32×32 frame. */
export interface FlawOptions {
  /** Share of videos whose position jitters from frame to frame. */
  jitterShare: number;
  /** Standard deviation of the jitter per axis, drawn per video from [low, high]. */
  jitter: [number, number];
  /** Share of videos with low contrast and pixel noise. */
  fadedShare: number;
  /** Contrast of those videos (1 = palette colour), drawn per video. */
  contrast: [number, number];
  /** Standard deviation of their pixel noise, drawn per video. */
  noise: [number, number];
  /** Share of videos with wrong words in the caption. */
  miscaptionShare: number;
  /** How likely one, two or three words are wrong in such a caption. */
  wrongWords: [number, number, number];
}

/** The flaws of the data on which the committed policy was pre-trained. */
export const defaultFlaws: FlawOptions = {
  jitterShare: 0.3,
  jitter: [1, 1.5],
  fadedShare: 0.3,
  contrast: [0.4, 0.7],
  noise: [0.04, 0.1],
  miscaptionShare: 0.3,
  wrongWords: [0.6, 0.25, 0.15],
};

/** No flaws at all: every video lies on the manifold and every caption is right. */
export const noFlaws: FlawOptions = { ...defaultFlaws, jitterShare: 0, fadedShare: 0, miscaptionShare: 0 };

export interface Sample {
  video: Video;
  /** The caption, which may be wrong. */
  words: WordIndices;
  scene: Scene;
  flaws: { jitter: number; contrast: number; noise: number; wrongWords: number };
}

/** Draws one video and its caption. */
export function randomSample(random: Random, options: FlawOptions = defaultFlaws): Sample {
  const shown = nullWords.map((count) => random.integer(count)) as WordIndices;
  const scene = randomScene(wordsAt(shown), random);
  const jitter = random.uniform() < options.jitterShare ? random.between(...options.jitter) : 0;
  const faded = random.uniform() < options.fadedShare;
  const contrast = faded ? random.between(...options.contrast) : 1;
  const noise = faded ? random.between(...options.noise) : 0;
  const wrongWords = random.uniform() < options.miscaptionShare ? 1 + pick(options.wrongWords, random) : 0;
  const offsets = jitter > 0 ? jitterOffsets(nominalFrames, jitter, random) : undefined;
  const video = renderScene(scene, { offsets, contrast });
  if (noise > 0) addNoise(video, noise, random);
  const words = replaceWords(shown, wrongWords, random);
  return { video, words, scene, flaws: { jitter, contrast, noise, wrongWords } };
}

/** `[F*2]` independent normal displacements; sigma in pixels of a 32×32 frame. */
export function jitterOffsets(frames: number, sigma: number, random: Random): Float64Array {
  return Float64Array.from({ length: 2 * frames }, () => (sigma * random.normal()) / nominalSize);
}

/** Adds normal noise to every value, in place, and clamps to [0, 1]. */
export function addNoise(video: Video, sigma: number, random: Random): void {
  const { pixels } = video;
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = Math.min(1, Math.max(0, pixels[i] + sigma * random.normal()));
  }
}

/** Replaces `count` of the words by other words of the same kind. */
export function replaceWords(words: WordIndices, count: number, random: Random): WordIndices {
  const result: WordIndices = [...words];
  const kinds = [0, 1, 2];
  for (let i = 0; i < count; i++) {
    const [kind] = kinds.splice(random.integer(kinds.length), 1);
    result[kind] = (words[kind] + 1 + random.integer(nullWords[kind] - 1)) % nullWords[kind];
  }
  return result;
}

function pick(probabilities: readonly number[], random: Random): number {
  let rest = random.uniform();
  for (let i = 0; i < probabilities.length - 1; i++) {
    rest -= probabilities[i];
    if (rest < 0) return i;
  }
  return probabilities.length - 1;
}

export interface DatasetOptions {
  count: number;
  seed: number;
  /** Default `defaultFlaws`. */
  flaws?: FlawOptions;
}

/**
 * Writes a data set as safetensors: `videos` uint8 [N,8,32,32,3] and `words` int32 [N,3] (the captions). Sample i depends on
 * the seed and i only. Videos are streamed, so N is bounded by the disk and not by memory.
 *
 * @throws the file system's error where the file cannot be written
 */
export function writeDataset(file: string, { count, seed, flaws = defaultFlaws }: DatasetOptions): void {
  const videoBytes = nominalFrames * nominalSize * nominalSize * 3;
  const wordsEnd = count * 3 * 4;
  const header = safetensorsHeader({
    __metadata__: { world: 'shapes', seed: String(seed), flaws: JSON.stringify(flaws) },
    words: { dtype: 'I32', shape: [count, 3], data_offsets: [0, wordsEnd] },
    videos: {
      dtype: 'U8',
      shape: [count, nominalFrames, nominalSize, nominalSize, 3],
      data_offsets: [wordsEnd, wordsEnd + count * videoBytes],
    },
  });
  const words = new DataView(new ArrayBuffer(wordsEnd));
  const bytes = new Uint8Array(videoBytes);
  const descriptor = openSync(file, 'w');
  try {
    for (let i = 0; i < count; i++) {
      const sample = randomSample(createRandom(seed, i), flaws);
      sample.words.forEach((word, kind) => words.setInt32((3 * i + kind) * 4, word, true));
      for (let j = 0; j < videoBytes; j++) bytes[j] = Math.round(255 * sample.video.pixels[j]);
      writeAll(descriptor, bytes, header.length + wordsEnd + i * videoBytes);
    }
    writeAll(descriptor, header, 0);
    writeAll(descriptor, new Uint8Array(words.buffer), header.length);
  } finally {
    closeSync(descriptor);
  }
}

/** The safetensors preamble: the header's length (uint64, little endian) and the header, padded to 8 bytes with blanks. */
function safetensorsHeader(entries: Record<string, unknown>): Uint8Array {
  const json = JSON.stringify(entries);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8, ' '));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
