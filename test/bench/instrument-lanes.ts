/**
 * To be preloaded (`node --import`): in every thread that loads onnxruntime, its native sessions are replaced by ones that
 * look at the clock. What the binding does in JavaScript is not inside. Nothing is written before `shareTimes`.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { getEnvironmentData } from 'node:worker_threads';
import { clock, environmentKey, takeLane, threadCpu } from './instrument.ts';

interface NativeSession {
  loadModel(model: unknown, ...rest: unknown[]): unknown;
  run(...argv: unknown[]): unknown;
}

const { binding } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as {
  binding: { InferenceSession: new () => NativeSession };
};
let write: ReturnType<typeof takeLane> | null = null;

binding.InferenceSession = class extends binding.InferenceSession {
  isDecoder = false;
  override loadModel(model: unknown, ...rest: unknown[]): unknown {
    this.isDecoder = typeof model === 'string' && path.basename(model) === 'decoder.onnx';
    return super.loadModel(model, ...rest);
  }
  override run(...argv: unknown[]): unknown {
    const shared = getEnvironmentData(environmentKey) as SharedArrayBuffer | undefined;
    if (!shared) return super.run(...argv);
    write ??= takeLane(shared);
    const [start, cpu] = [clock(), threadCpu()];
    try {
      return super.run(...argv);
    } finally {
      write(this.isDecoder ? 'decode' : 'model', [start, clock()], threadCpu() - cpu);
    }
  }
};
