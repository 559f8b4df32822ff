import { existsSync, writeFileSync } from 'node:fs';
import { listPresets, readPreset } from '../config/presets.ts';
import { exitCodes, SageError } from '../errors.ts';
import { diskError } from '../run/disk.ts';
import { table } from './output.ts';

/** Writes a preset to a file to start from; without a preset lists those there are. */
export function initCommand(preset: string | undefined, options: { output?: string; force: boolean }): void {
  if (preset === undefined) {
    const rows = listPresets().map(({ name, description }) => [name, description]);
    process.stdout.write(`${table(['preset', 'what it is'], rows)}\n\nWrite one: sage-grpo init PRESET\n`);
    return;
  }
  const text = readPreset(preset);
  const file = options.output ?? `${preset}.sage.yaml`;
  if (existsSync(file) && !options.force) {
    throw new SageError(
      'init/exists',
      `${file} exists already.`,
      'Choose another file with -o, or replace it with --force.',
      {
        place: { file },
        exitCode: exitCodes.usage,
      },
    );
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw diskError(error, file, 'write the config');
  }
  process.stdout.write(
    `wrote ${file}\nCheck it with \`sage-grpo validate ${file}\`, train with \`sage-grpo train ${file}\`.\n`,
  );
}
