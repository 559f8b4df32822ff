import { exitCodes, SageError } from '../errors.ts';
import type { Config } from './schema.ts';

/** @throws SageError (exit code 2) for a config that is valid and asks for what is not built */
export function assertRunnable(config: Config): void {
  const { backend, sequence_parallel } = config.policy;
  if (backend === 'onnx' || sequence_parallel === 1) return;
  throw new SageError(
    'policy/sequence-parallel',
    'Sharing the tokens of one video among several GPUs (policy.sequence_parallel above 1) is not built.',
    'Set policy.sequence_parallel to 1; policy.devices shares out the samples and the weights.',
    { place: { key: 'policy.sequence_parallel' }, exitCode: exitCodes.usage },
  );
}
