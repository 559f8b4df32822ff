import { exitCodes, SageError } from '../errors.ts';
import type { Config } from './schema.ts';

/** @throws SageError (exit code 2) for a model that this engine cannot run */
export function assertRunnable(config: Config): void {
  const { model, backend } = config.policy;
  if (backend === 'onnx') return;
  throw new SageError(
    'policy/torch-needed',
    `${model} runs on the torch policy (Python and CUDA GPUs), which is not part of this version.`,
    'The config itself is valid. Set policy.model to shapes to train on this machine.',
    { place: { key: 'policy.backend' }, exitCode: exitCodes.usage },
  );
}
