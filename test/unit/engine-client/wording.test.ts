import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../engine/package-root.ts';
import { inEditor } from '../../../src/engine/problems.ts';

test('what the engine advises to type is advised as a command of the palette', () => {
  const advice = 'Start it again with `sage-grpo resume RUN`, or see `sage-grpo inspect RUN`.';
  expect(inEditor(advice)).toBe('Start it again with SAGE: Resume, or see SAGE: Open Dashboard.');
  expect(inEditor('Resume from an earlier checkpoint (`sage-grpo resume RUN --from ITERATION`).')).toBe(
    'Resume from an earlier checkpoint (SAGE: Resume from Checkpoint).',
  );
  expect(inEditor('Go on with less: `sage-grpo resume RUN --set KEY=VALUE`.')).toBe('Go on with less: SAGE: Resume.');
  expect(inEditor('Go on with `sage-grpo resume RUN --set policy.devices=2`.')).toBe(
    'Go on with SAGE: Resume with policy.devices=2.',
  );
  expect(inEditor('See `sage-grpo doctor CONFIG`.')).toBe('See SAGE: Doctor.');
});

test('no advice of the parts that the editor uses names the command line after that', () => {
  const folders = ['run', 'server', 'config', 'training', 'view'].map((part) =>
    path.join(packageRoot(), 'engine', part),
  );
  const lines = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      // Those that write pages of the documentation aside.
      .filter((file) => file.endsWith('.ts') && file !== 'reference.ts' && !file.startsWith('codes'))
      .flatMap((file) => readFileSync(path.join(folder, file), 'utf8').replaceAll('\\`', '`').split('\n'))
      // Strings, not comments.
      .filter((line) => /sage-grpo [a-z]+/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line)),
  );
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => /sage-grpo [a-z]+/.test(inEditor(line)))).toEqual([]);
});
