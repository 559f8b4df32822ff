import { requireInRange } from './errors.ts';

/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and what is drawn
 * with it. Counter based: every value is a function of its key and its place, whatever was drawn before, in whichever
 * order, on whichever machine.
 *
 * Words, all uint32, arithmetic modulo 2^32. This layout is a contract with `sage_worker`:
 *
 *   key[0]     = seed mod 2^32
 *   key[1]     = stream · 2^21 + floor(seed / 2^32)
 *   counter[0] = block: 0, 1, 2 … along the draw; each block yields words w[0..3]
 *   counter[1] = normals: draw;  permutation: 2^31 + salt
 *   counter[2] = iteration
 *   counter[3] = normals: prompt · 2^16 + generation;  permutation: 0
 *
 * Ranges: seed < 2^53, stream < 2^11, iteration < 2^32, prompt and generation < 2^16, draw and salt < 2^31.
 */
export interface NoiseKey {
  /** The run's seed. */
  seed: number;
  /** 0 for rollouts, 1 for evaluation. */
  stream: number;
  iteration: number;
  /** Index of the prompt in the iteration or in the evaluation set. */
  prompt: number;
  generation: number;
}

const multiplier0 = 0xd2511f53 | 0;
const multiplier1 = 0xcd9e8d57 | 0;
const weyl0 = 0x9e3779b9 | 0;
const weyl1 = 0xbb67ae85 | 0;

/** Upper 32 bits of the unsigned product, by 16-bit halves: no partial sum exceeds 2^32. */
function multiplyHigh(x: number, y: number): number {
  const xLow = x & 0xffff;
  const xHigh = x >>> 16;
  const yLow = y & 0xffff;
  const yHigh = y >>> 16;
  const middle = (Math.imul(xHigh, yLow) + (Math.imul(xLow, yLow) >>> 16)) | 0;
  const carry = (Math.imul(xLow, yHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(xHigh, yHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

function philoxBlock(
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
  out: Uint32Array,
): void {
  let c0 = counter0 | 0;
  let c1 = counter1 | 0;
  let c2 = counter2 | 0;
  let c3 = counter3 | 0;
  let k0 = key0 | 0;
  let k1 = key1 | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const low0 = Math.imul(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * One block of Philox4x32-10.
 * @param counter `[4]`
 * @param key `[2]`
 * @param out `[4]` receives the block; may be the counter itself
 */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  philoxBlock(counter[0], counter[1], counter[2], counter[3], key[0], key[1], out);
}

// One block of scratch for the module: nothing here is asynchronous.
const words = new Uint32Array(4);
const twoToMinus32 = 2 ** -32;
const radiansPerWord = 2 * Math.PI * twoToMinus32;

/**
 * Fills `out` with independent standard normals. Element i depends only on the key, the draw and i.
 *
 * Box–Muller in float64, rounded to float32 on storing. Block b (counter[0] = b) gives elements 4b … 4b+3: the pairs
 * (w0, w1) and (w2, w3) each become `r·cos φ, r·sin φ` in this order, `r = sqrt(−2·ln((w + 0.5)·2^−32))` of the pair's
 * first word, `φ = 2π·2^−32·w` of its second. Where the length is no multiple of 4 the rest of the last block is unused.
 *
 * @param draw 0 is the initial latent x_T, 1+k the noise of step k
 * @throws MethodError on a key or draw that is no whole number in its range
 */
export function normals(key: NoiseKey, draw: number, out: Float32Array): void {
  requireWord('seed', key.seed, 2 ** 53 - 1);
  requireWord('random.stream', key.stream, 2 ** 11 - 1);
  requireWord('random.iteration', key.iteration, 2 ** 32 - 1);
  requireWord('random.prompt', key.prompt, 2 ** 16 - 1);
  requireWord('random.generation', key.generation, 2 ** 16 - 1);
  requireWord('random.draw', draw, 2 ** 31 - 1);
  const key0 = lowWord(key.seed);
  const key1 = streamWord(key.seed, key.stream);
  const place = key.prompt * 2 ** 16 + key.generation;
  for (let i = 0; i < out.length; i += 4) {
    philoxBlock(i >>> 2, draw, key.iteration, place, key0, key1, words);
    const radius0 = Math.sqrt(-2 * Math.log((words[0] + 0.5) * twoToMinus32));
    const angle0 = radiansPerWord * words[1];
    const radius1 = Math.sqrt(-2 * Math.log((words[2] + 0.5) * twoToMinus32));
    const angle1 = radiansPerWord * words[3];
    // Writes past the end of a typed array are ignored, which is what drops the unused rest.
    out[i] = radius0 * Math.cos(angle0);
    out[i + 1] = radius0 * Math.sin(angle0);
    out[i + 2] = radius1 * Math.cos(angle1);
    out[i + 3] = radius1 * Math.sin(angle1);
  }
}

/**
 * A uniformly random permutation of 0 … n−1: Fisher–Yates from the identity, for i = n−1 … 1 swapping places i and j.
 * `j = w mod (i+1)` of the next word w of the stream (blocks 0, 1, 2 …, w0 … w3 of each) that is below the largest
 * multiple of i+1 not above 2^32; words at or above it are skipped, so no j is favoured.
 *
 * @param salt tells apart the permutations of one iteration (such as the shuffle of samples and of each sample's steps)
 * @throws MethodError on an argument that is no whole number in its range
 */
export function permutation(seed: number, stream: number, iteration: number, salt: number, n: number): number[] {
  requireWord('seed', seed, 2 ** 53 - 1);
  requireWord('random.stream', stream, 2 ** 11 - 1);
  requireWord('random.iteration', iteration, 2 ** 32 - 1);
  requireWord('random.salt', salt, 2 ** 31 - 1);
  requireWord('random.n', n, 2 ** 31 - 1);
  const key0 = lowWord(seed);
  const key1 = streamWord(seed, stream);
  const order = Array.from({ length: n }, (_, i) => i);
  let drawn = 0;
  const nextWord = (): number => {
    if (drawn % 4 === 0) philoxBlock(drawn / 4, 2 ** 31 + salt, iteration, 0, key0, key1, words);
    return words[drawn++ % 4];
  };
  for (let i = n - 1; i > 0; i--) {
    const bound = i + 1;
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = nextWord();
    while (word >= limit) word = nextWord();
    const j = word % bound;
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

function lowWord(seed: number): number {
  return seed % 2 ** 32;
}

function streamWord(seed: number, stream: number): number {
  return stream * 2 ** 21 + Math.floor(seed / 2 ** 32);
}

function requireWord(key: string, value: number, maximum: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= maximum) return;
  requireInRange(key, value, { minimum: 0, maximum, usual: 0, whole: true });
}
