import { existsSync } from 'node:fs';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { SageError } from '../../errors.ts';

/** The sessions of the embedded model; those of guided sampling are loaded when they are first asked for. */
export interface Graphs {
  velocity: ort.InferenceSession;
  logProb: ort.InferenceSession;
  update: ort.InferenceSession;
  decoder: ort.InferenceSession;
  guided(): Promise<{ velocity: ort.InferenceSession; update: ort.InferenceSession }>;
}

/**
 * Loads the graphs from a folder.
 * @throws SageError `policy/graph` when a file is missing or is not an ONNX graph
 */
export async function loadGraphs(folder: string): Promise<Graphs> {
  const load = (...names: string[]) => Promise.all(names.map((name) => loadGraph(path.join(folder, name))));
  const [velocity, logProb, update, decoder] = await load(
    'velocity.onnx',
    'logprob.onnx',
    'update.onnx',
    'decoder.onnx',
  );
  let guided: ReturnType<Graphs['guided']> | null = null;
  const loadGuided = async () => {
    const [velocity, update] = await load('velocity_guided.onnx', 'update_guided.onnx');
    return { velocity, update };
  };
  return { velocity, logProb, update, decoder, guided: () => (guided ??= loadGuided()) };
}

async function loadGraph(file: string): Promise<ort.InferenceSession> {
  const remedy = 'Restore the file from the repository, or make it again with `npm run shapes:export`.';
  if (!existsSync(file))
    throw new SageError('policy/graph', `The model graph ${file} does not exist.`, remedy, { place: { file } });
  try {
    return await ort.InferenceSession.create(file, {
      // One core for each lane: two threads in one operator wait for each other more than they help.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // The same primitive kernels in the sampling and in the update graph: with fusions the two would round differently
      // and the importance ratio would not be exactly 1 on replay.
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw new SageError(
      'policy/graph',
      `${file} is not an ONNX graph that this program can run: ${firstLine(error)}`,
      remedy,
      {
        place: { file },
        cause: error,
      },
    );
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
}
