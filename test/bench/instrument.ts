import { createRequire } from 'node:module';
import path from 'node:path';

/** Seconds and seconds of this thread's CPU time. */
export interface Elapsed {
  wall: number;
  cpu: number;
}

/** Time inside onnxruntime's native `run`, by graph file without its extension. */
export type GraphTimes = Map<string, Elapsed>;

/** Starts a stopwatch; call the result to read it. */
export function stopwatch(): () => Elapsed {
  const wall = performance.now();
  const cpu = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(cpu);
    return { wall: (performance.now() - wall) / 1000, cpu: (user + system) / 1e6 };
  };
}

export function add(sum: Elapsed, part: Elapsed): void {
  sum.wall += part.wall;
  sum.cpu += part.cpu;
}

interface NativeSession {
  loadModel(model: unknown, ...rest: unknown[]): unknown;
  run(...argv: unknown[]): unknown;
}

/**
 * Times every native run of sessions that are made after this call, in this process: onnxruntime-node's own native class
 * is replaced by one that looks at the clock. What the binding does in JavaScript is not inside.
 */
export function timeGraphs(): GraphTimes {
  const { binding } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as {
    binding: { InferenceSession: new () => NativeSession };
  };
  const times: GraphTimes = new Map();
  class TimedSession extends binding.InferenceSession {
    graph = '';
    override loadModel(model: unknown, ...rest: unknown[]): unknown {
      this.graph = typeof model === 'string' ? path.basename(model, '.onnx') : 'bytes';
      return super.loadModel(model, ...rest);
    }
    override run(...argv: unknown[]): unknown {
      const elapsed = stopwatch();
      try {
        return super.run(...argv);
      } finally {
        const entry = times.get(this.graph) ?? { wall: 0, cpu: 0 };
        add(entry, elapsed());
        times.set(this.graph, entry);
      }
    }
  }
  binding.InferenceSession = TimedSession;
  return times;
}
