import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { advice } from '../../../engine/advice.ts';
import { packageRoot } from '../../../engine/package-root.ts';
import { commandOf, inEditor, palette } from '../../../src/engine/advice.ts';

const read = (file: string) => JSON.parse(readFileSync(path.join(packageRoot(), file), 'utf8'));

test('what the engine advises is a command of the palette, by the title that it has there', () => {
  const titles: Record<string, string> = read('package.nls.json');
  const commands: { command: string; title: string }[] = read('package.json').contributes.commands;
  const declared = new Map(commands.map(({ command, title }) => [command, titles[title.replaceAll('%', '')]]));
  expect(Object.values(palette).map(({ id, title }) => [id, title])).toEqual(
    Object.values(palette).map(({ id }) => [id, declared.get(id)]),
  );
  expect(Object.keys(palette).toSorted()).toEqual(
    advice.options.map(({ shape }) => shape.action.value as string).toSorted(),
  );
});

test('a command gets the run, and the checkpoint where one is advised', () => {
  const run = 'shapes-20260101-000000';
  expect(commandOf({ action: 'resume', run, from: 3 })).toMatchObject({
    id: 'sage.resume',
    argument: { run, from: 3 },
  });
  expect(commandOf({ action: 'inspect', run })).toMatchObject({ id: 'sage.openDashboard', argument: run });
  expect(commandOf({ action: 'doctor' })).toEqual({ id: 'sage.doctor', title: 'Doctor: Check This Machine' });
});

test('where there can be no buttons, the text names the commands', () => {
  const run = 'shapes-20260101-000000';
  const problem = { code: 'run/no-trainer', message: 'No trainer runs it.', remedy: 'Start it again.', place: {} };
  expect(inEditor(problem)).toEqual(problem);
  const shown = inEditor({
    ...problem,
    advice: [
      { action: 'resume-from', run },
      { action: 'inspect', run },
    ],
  });
  expect(shown).toEqual({ ...problem, remedy: 'Start it again. (SAGE: Resume from Checkpoint, SAGE: Open Dashboard)' });
  expect(inEditor(shown)).toEqual(shown);
});
