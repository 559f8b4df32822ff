// Prints normals of engine/method/random.ts for test_noise.py: node test/worker/python/noise_vectors.mjs > …/noise_vectors.json
import { normals } from '../../../engine/method/random.ts';

const keys = [
  { seed: 7, stream: 0, iteration: 0, prompt: 0, generation: 0 },
  { seed: 7, stream: 0, iteration: 0, prompt: 0, generation: 1 },
  { seed: 2 ** 53 - 1, stream: 2047, iteration: 2 ** 32 - 1, prompt: 65535, generation: 65535 },
  { seed: 123456789012345, stream: 1, iteration: 999, prompt: 71, generation: 3 },
];
const cases = keys.flatMap((key) =>
  [0, 1, 20, 2 ** 31 - 1].map((draw) => {
    const out = new Float32Array(22);
    normals(key, draw, out);
    return { key, draw, values: [...out] };
  }),
);
process.stdout.write(JSON.stringify(cases) + '\n');
