import { existsSync } from 'node:fs';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { SageError } from '../../errors.ts';

/** The sessions of the embedded model. */
export interface Graphs {
  velocity: ort.InferenceSession;
  velocityGuided: ort.InferenceSession;
  logProb: ort.InferenceSession;
  update: ort.InferenceSession;
  updateGuided: ort.InferenceSession;
  decoder: ort.InferenceSession;
}

const files: Record<keyof Graphs, string> = {
  velocity: 'velocity.onnx',
  velocityGuided: 'velocity_guided.onnx',
  logProb: 'logprob.onnx',
  update: 'update.onnx',
  updateGuided: 'update_guided.onnx',
  decoder: 'decoder.onnx',
};

/**
 * Loads the graphs from a folder.
 * @param threads threads that one operator may use
 * @throws SageError `policy/graph` when a file is missing or is not an ONNX graph
 */
export async function loadGraphs(folder: string, threads: number): Promise<Graphs> {
  const entries = await Promise.all(
    Object.entries(files).map(async ([key, name]) => [key, await loadGraph(path.join(folder, name), threads)] as const),
  );
  return Object.fromEntries(entries) as unknown as Graphs;
}

async function loadGraph(file: string, threads: number): Promise<ort.InferenceSession> {
  const remedy = 'Restore the file from the repository, or make it again with `npm run shapes:export`.';
  if (!existsSync(file))
    throw new SageError('policy/graph', `The model graph ${file} does not exist.`, remedy, { place: { file } });
  try {
    return await ort.InferenceSession.create(file, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // The same primitive kernels in the sampling and in the update graph: with fusions the two would round differently
      // and the importance ratio would not be exactly 1 on replay.
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Threads that spin while they wait take the cores from the video writer and from other programs.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
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

/** Releases every session. */
export async function releaseGraphs(graphs: Graphs): Promise<void> {
  await Promise.all(Object.values(graphs).map((session: ort.InferenceSession) => session.release()));
}
