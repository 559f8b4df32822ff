import { readPrompts } from '../prompts.ts';
import type { Config } from '../schema.ts';
import { estimateConfig, type Estimate } from './estimate.ts';
import type { DeviceName } from './names.ts';

/** As `estimateConfig`, with the prompts of a prompt file counted. @param baseFolder where relative files start */
export function estimateWithPrompts(config: Config, baseFolder: string, device?: DeviceName): Estimate {
  const read = readPrompts(config.evaluation.prompts ?? config.prompts, baseFolder);
  return estimateConfig(config, { device, evaluationPrompts: 'entries' in read ? read.entries.length : undefined });
}
