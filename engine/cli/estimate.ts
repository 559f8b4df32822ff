import path from 'node:path';
import { deviceNamed } from '../config/estimate/devices.ts';
import { estimateWithPrompts } from '../config/estimate/of-file.ts';
import { estimateText } from '../config/estimate/text.ts';
import { loadConfig } from '../config/load.ts';

/** Prints what a config is expected to take of memory, time and disk. @throws ConfigError for a config with errors */
export function estimateCommand(file: string, options: { device?: string; set: string[]; json: boolean }): void {
  const device = options.device === undefined ? undefined : deviceNamed(options.device);
  const { config } = loadConfig(file, options.set);
  const estimate = estimateWithPrompts(config, path.dirname(path.resolve(file)), device);
  process.stdout.write(`${options.json ? JSON.stringify(estimate, null, 2) : estimateText(estimate)}\n`);
}
