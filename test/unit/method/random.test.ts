import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normals, permutation, philox4x32, type NoiseKey } from '../../../engine/method/random.ts';
import { faultOf } from './expect-fault.ts';

const key: NoiseKey = { seed: 42, stream: 0, iteration: 7, prompt: 3, generation: 5 };

function draw(k: NoiseKey, index: number, length: number): Float32Array {
  const out = new Float32Array(length);
  normals(k, index, out);
  return out;
}

function block(counter: number[], keyWords: number[]): number[] {
  const out = new Uint32Array(4);
  philox4x32(Uint32Array.from(counter), Uint32Array.from(keyWords), out);
  return [...out];
}

function mean(values: ArrayLike<number>, of: (value: number, i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += of(values[i], i);
  return sum / values.length;
}

describe('Philox4x32-10', () => {
  const ones = 0xffffffff;
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ones, ones, ones, ones],
      [ones, ones],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the known answers of Random123 (%#)', (counter, keyWords, answer) => {
    expect(block(counter, keyWords)).toEqual(answer);
  });

  it('equals its definition in exact integers on any counter and key', () => {
    const word = fc.nat(0xffffffff);
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, keyWords) => {
        let c = counter.map(BigInt);
        let k = keyWords.map(BigInt);
        const mask = 0xffffffffn;
        for (let round = 0; round < 10; round++) {
          const [p, q] = [0xd2511f53n * c[0], 0xcd9e8d57n * c[2]];
          c = [(q >> 32n) ^ c[1] ^ k[0], q & mask, (p >> 32n) ^ c[3] ^ k[1], p & mask];
          k = [(k[0] + 0x9e3779b9n) & mask, (k[1] + 0xbb67ae85n) & mask];
        }
        expect(block(counter, keyWords)).toEqual(c.map(Number));
      }),
    );
  });
});

describe('normals', () => {
  it('follow the documented layout of key and counter', () => {
    const seed = 2 ** 40 + 12345;
    const wide: NoiseKey = { seed, stream: 1, iteration: 4_000_000_000, prompt: 60_000, generation: 50_000 };
    const values = draw(wide, 9, 10);
    for (let i = 0; i < 10; i++) {
      const words = block([i >> 2, 9, 4_000_000_000, 60_000 * 65536 + 50_000], [12345, 2 ** 21 + 2 ** 8]);
      const pair = (i >> 1) % 2;
      const radius = Math.sqrt(-2 * Math.log((words[2 * pair] + 0.5) / 2 ** 32));
      const angle = (2 * Math.PI * words[2 * pair + 1]) / 2 ** 32;
      expect(values[i]).toBe(Math.fround(radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle))));
    }
  });

  it('never change: these are the first of seed 42', () => {
    expect([...draw({ seed: 42, stream: 0, iteration: 0, prompt: 0, generation: 0 }, 0, 4)]).toMatchInlineSnapshot(`
      [
        -0.9701898097991943,
        0.19401895999908447,
        -1.2356207370758057,
        1.9239267110824585,
      ]
    `);
  });

  it('depend on nothing but key, draw and place', () => {
    const first = draw(key, 2, 768);
    draw({ ...key, seed: 1 }, 0, 33);
    permutation(1, 0, 0, 0, 50);
    expect(draw(key, 2, 768)).toEqual(first);
    expect(draw(key, 2, 101)).toEqual(first.slice(0, 101));
  });

  it('differ, uncorrelated, when any part of the key or the draw does', () => {
    const first = draw(key, 2, 4096);
    const others = (['seed', 'stream', 'iteration', 'prompt', 'generation'] as const).map((part) =>
      draw({ ...key, [part]: key[part] + 1 }, 2, 4096),
    );
    for (const other of [...others, draw(key, 3, 4096), draw({ ...key, seed: key.seed + 2 ** 32 }, 2, 4096)]) {
      expect(Math.abs(mean(first, (value, i) => value * other[i]))).toBeLessThan(5 / Math.sqrt(4096));
    }
  });

  it('are standard normal: moments and Kolmogorov distance', () => {
    const n = 200_000;
    const values = draw({ ...key, seed: 2024 }, 0, n);
    const band = 4.5 / Math.sqrt(n);
    expect(Math.abs(mean(values, (x) => x))).toBeLessThan(band);
    expect(Math.abs(mean(values, (x) => x * x) - 1)).toBeLessThan(band * Math.sqrt(2));
    expect(Math.abs(mean(values, (x) => x ** 3))).toBeLessThan(band * Math.sqrt(15));
    expect(Math.abs(mean(values, (x) => x ** 4) - 3)).toBeLessThan(band * Math.sqrt(96));
    for (const lag of [1, 2, 3, 4]) {
      expect(Math.abs(mean(values.subarray(lag), (x, i) => x * values[i]))).toBeLessThan(band);
    }
    const sorted = values.toSorted();
    const distance = Math.max(
      ...Array.from({ length: 2000 }, (_, j) => {
        const i = j * 100 + 50;
        return Math.abs((i + 0.5) / n - normalCdf(sorted[i]));
      }),
    );
    expect(distance * Math.sqrt(n)).toBeLessThan(1.95);
  });

  it.each([
    ['seed', -1],
    ['seed', 0.5],
    ['seed', 2 ** 53],
    ['stream', 2048],
    ['iteration', 2 ** 32],
    ['prompt', 65_536],
    ['generation', NaN],
  ] as const)('refuse a key whose %s is %s', (part, value) => {
    const { nearest } = faultOf(() => draw({ ...key, [part]: value }, 0, 4));
    expect(draw({ ...key, [part]: nearest }, 0, 4)).toHaveLength(4);
  });
});

describe('a permutation', () => {
  it('is one, of any length', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(1000), fc.nat(1000), fc.nat(300), (seed, iteration, salt, n) => {
        const order = permutation(seed, 0, iteration, salt, n);
        expect(order.toSorted((first, second) => first - second)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('is the same for the same arguments and another for any other', () => {
    const base = permutation(42, 0, 3, 0, 40);
    expect(permutation(42, 0, 3, 0, 40)).toEqual(base);
    for (const other of [
      permutation(43, 0, 3, 0, 40),
      permutation(42, 1, 3, 0, 40),
      permutation(42, 0, 4, 0, 40),
      permutation(42, 0, 3, 1, 40),
    ]) {
      expect(other).not.toEqual(base);
    }
  });

  it('favours no order: all 24 of four elements are equally likely', () => {
    const counts = new Map<string, number>();
    const total = 24_000;
    for (let salt = 0; salt < total; salt++) {
      const name = permutation(5, 0, 0, salt, 4).join('');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const expected = total / 24;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 23 degrees of freedom: 49.7 has probability 0.001.
    expect(chiSquare).toBeLessThan(49.7);
  });

  it('refuses a length that is no whole number', () => {
    expect(faultOf(() => permutation(1, 0, 0, 0, 2.5)).key).toBe('random.n');
  });
});

/** Φ by Simpson's rule from 0. */
function normalCdf(x: number): number {
  const parts = 60;
  const h = x / parts;
  const f = (t: number): number => Math.exp((-t * t) / 2);
  let sum = 1 + f(x);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i * h);
  return 0.5 + (sum * h) / 3 / Math.sqrt(2 * Math.PI);
}
