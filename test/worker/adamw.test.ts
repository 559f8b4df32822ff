import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createAdamW, stepAdamWBlock } from '../../engine/policy/onnx/adamw.ts';
import { sharedFloats } from '../../engine/policy/onnx/tasks.ts';
import { findPython } from '../../engine/python.ts';

const size = 101;
const updates = 6;
const blocks = 4;
const request = {
  learningRate: 3e-3,
  weightDecay: 0.02,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  maxGradientNorm: 5,
};

/** PyTorch's own clipping and AdamW on the same parameters and gradients, in float64. */
const reference = `
import json, sys, torch
given = json.load(sys.stdin)
parameter = torch.nn.Parameter(torch.tensor(given["parameters"], dtype=torch.float64))
r = given["request"]
optimizer = torch.optim.AdamW([parameter], lr=r["learningRate"], betas=(r["beta1"], r["beta2"]), eps=r["epsilon"], weight_decay=r["weightDecay"])
for gradient in given["gradients"]:
    parameter.grad = torch.tensor(gradient, dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([parameter], r["maxGradientNorm"])
    optimizer.step()
print(json.dumps(parameter.tolist()))
`;

test('AdamW with gradient clipping does what PyTorch does, in any number of blocks', async (context) => {
  const found = await findPython(['torch']);
  if (found.python === null) return context.skip('no Python here has torch');
  // Some gradients are clipped (norm over 5), some are not.
  const wave = (update: number) =>
    Array.from({ length: size }, (_, i) => Math.sin(i * (update + 1)) * (update % 2 ? 2 : 0.1));
  const start = Array.from({ length: size }, (_, i) => Math.cos(i));
  const gradients = Array.from({ length: updates }, (_, update) => wave(update));

  const state = createAdamW(size);
  const parameters = sharedFloats(size);
  parameters.set(start);
  gradients.forEach((gradient, update) => {
    const task = {
      kind: 'adamw' as const,
      request,
      step: update + 1,
      gradientNorm: Math.hypot(...gradient),
      parameters,
      gradient: Float32Array.from(gradient),
      firstMoment: state.firstMoment,
      secondMoment: state.secondMoment,
      squares: new Float64Array(blocks),
    };
    for (let block = 0; block < blocks; block++) stepAdamWBlock(task, blocks, block);
  });

  const torch = promisify(execFile)(found.python, ['-c', reference]);
  torch.child.stdin!.end(JSON.stringify({ parameters: start, gradients, request }));
  const expected = JSON.parse((await torch).stdout) as number[];
  expected.forEach((value, i) => expect(Math.abs(parameters[i] - value)).toBeLessThan(2e-6));
  expect(Math.abs(parameters[3] - start[3])).toBeGreaterThan(1e-3);
});
