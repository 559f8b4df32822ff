import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { commandLine } from '../../../engine/cli/advice.ts';
import { errorText, remedyText } from '../../../engine/cli/output.ts';
import { SageError } from '../../../engine/errors.ts';
import { packageRoot } from '../../../engine/package-root.ts';

test('what is advised is a line that can be typed where the command was', () => {
  const run = path.resolve('runs', 'shapes-1');
  expect(commandLine({ action: 'resume', run })).toBe('sage-grpo resume shapes-1');
  expect(commandLine({ action: 'resume', run, from: 4 })).toBe('sage-grpo resume shapes-1 --from 4');
  expect(commandLine({ action: 'resume-from', run })).toBe('sage-grpo resume shapes-1 --from ITERATION');
  expect(commandLine({ action: 'stop', run: path.resolve('/my runs/a') })).toContain(`"${path.resolve('/my runs/a')}"`);
  expect(commandLine({ action: 'setup-torch' })).toBe('sage-grpo setup-torch');
});

test('it stands under the remedy', () => {
  const error = new SageError('run/no-trainer', 'No trainer runs it.', 'Start it again.', {
    advice: [{ action: 'resume', run: path.resolve('runs', 'a') }, { action: 'list' }],
  });
  expect(errorText(error)).toBe(
    'error[run/no-trainer]: No trainer runs it.\n  → Start it again.\n    sage-grpo resume a\n    sage-grpo list',
  );
  const finding = { check: 'GPU', state: 'note', detail: 'none', remedy: 'Find one.' } as const;
  expect(remedyText(finding)).toBe('\nGPU: Find one.\n');
  expect(remedyText({ ...finding, advice: [{ action: 'estimate' }] })).toBe(
    '\nGPU: Find one.\n    sage-grpo estimate CONFIG\n',
  );
});

test('no text of the engine beside the command line itself says what to type there', () => {
  const engine = path.join(packageRoot(), 'engine');
  // The program's own output, pages of the documentation, and scripts.
  const own = /^(cli[/\\.]|demo\.ts|worker[/\\]|config[/\\](codes|reference)|.*[/\\]make[/\\])/;
  const files = readdirSync(engine, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !own.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  const lines = files.flatMap((file) =>
    readFileSync(path.join(engine, file), 'utf8')
      .split('\n')
      .filter((line) => /sage-grpo [a-z]/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  // What the server says of a command of its own that failed is no advice.
  expect(lines.filter((line) => !line.includes('sage-grpo ${'))).toEqual([]);
});
