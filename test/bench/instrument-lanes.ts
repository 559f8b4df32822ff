/**
 * To be preloaded (`node --import`): in every thread that loads onnxruntime, its native sessions are replaced by ones that
 * look at the clock. What the binding does in JavaScript is not inside. Needs `shareTimes` in the main thread first.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { getEnvironmentData, isMainThread } from 'node:worker_threads';
import { environmentKey, laneSlot, stopwatch } from './instrument.ts';

interface NativeSession {
  loadModel(model: unknown, ...rest: unknown[]): unknown;
  run(...argv: unknown[]): unknown;
}

const shared = getEnvironmentData(environmentKey) as SharedArrayBuffer | undefined;
if (!isMainThread && shared) {
  const slot = laneSlot(shared);
  const { binding } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as {
    binding: { InferenceSession: new () => NativeSession };
  };
  binding.InferenceSession = class extends binding.InferenceSession {
    isDecoder = false;
    override loadModel(model: unknown, ...rest: unknown[]): unknown {
      this.isDecoder = typeof model === 'string' && path.basename(model) === 'decoder.onnx';
      return super.loadModel(model, ...rest);
    }
    override run(...argv: unknown[]): unknown {
      const elapsed = stopwatch();
      try {
        return super.run(...argv);
      } finally {
        slot.add(this.isDecoder ? 'decode' : 'model', elapsed());
      }
    }
  };
}
