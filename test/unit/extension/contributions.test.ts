import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandIds } from '../../../src/commands/ids.ts';
import { commandTraits, denials, runTraits } from '../../../src/runs/kinds.ts';

const root = path.join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const manifest = JSON.parse(read('package.json'));
const texts: Record<string, string> = JSON.parse(read('package.nls.json'));
const { contributes } = manifest;
const contributed: { command: string; enablement?: string }[] = contributes.commands;

/** All strings of a part of the manifest. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

describe('what package.json contributes', () => {
  it('is every command that is registered, and no other', () => {
    expect(contributed.map(({ command }) => command).sort()).toEqual(commandIds.map((id) => `sage.${id}`).sort());
  });

  it('menus, keys, texts and the walkthrough name only commands that exist', () => {
    const used = stringsIn([{ ...contributes, commands: [] }, texts]).flatMap((text) =>
      [...text.matchAll(/(?:^|command:)(sage\.[a-z][A-Za-z]*)(?![\w.])/g)].map(([, command]) => command),
    );
    const others = new Set(['sage.runs', ...stringsIn(contributes.customEditors)]);
    const known = new Set([...contributed.map(({ command }) => command), ...Object.keys(settings()), ...others]);
    expect(used.filter((command) => !known.has(command))).toEqual([]);
    expect(used).toContain('sage.openWalkthrough');
  });

  it('has a text for each key, and no text without one', () => {
    const keys = stringsIn([contributes, manifest.capabilities]).flatMap((text) => /^%(.+)%$/.exec(text)?.[1] ?? []);
    expect([...new Set(keys)].sort()).toEqual(Object.keys(texts).sort());
  });

  it('enables commands by keys that are set, so that one that makes no sense is not offered', () => {
    const set = new Set([...Object.keys(denials(null)), 'sage.filtered']);
    const asked = contributed.flatMap(({ enablement }) => enablement?.match(/sage\.\w+/g) ?? []);
    expect(asked.filter((key) => !set.has(key))).toEqual([]);
    expect(asked).toContain('sage.noneRunning');
  });

  it('menus of runs go by their traits', () => {
    const items: { command: string; when: string }[] = contributes.menus['view/item/context'];
    const words = items.flatMap(({ when }) => [...when.matchAll(/\\b(\w+)\\b/g)].map(([, word]) => word));
    expect(new Set(words)).toEqual(new Set(words.filter((word) => ['run', 'valid', ...runTraits].includes(word))));
    for (const [id, trait] of Object.entries(commandTraits)) {
      const own = items.filter(({ command }) => command === `sage.${id}`).map(({ when }) => when);
      expect(
        own.some((when) => when.includes(`\\b${trait ?? 'run'}\\b`)),
        id,
      ).toBe(true);
    }
  });

  it('nothing is started or steered in Restricted Mode', () => {
    const steering = ['launch', 'resume', 'resumeFrom', 'pause', 'continue', 'checkpoint', 'stop', 'killTrainer'];
    const trusted = contributed.filter(({ enablement }) => enablement?.includes('isWorkspaceTrusted'));
    const ids = [...steering, 'deleteRun', 'openReport', 'setupTorch'].map((id) => `sage.${id}`);
    expect(trusted.map(({ command }) => command).sort()).toEqual(ids.sort());
  });

  it('in a virtual workspace no command is offered but those that need neither runs nor an engine', () => {
    const offered = contributed.filter(({ enablement }) => !enablement?.includes('!virtualWorkspace'));
    const ids = ['showEngineLog', 'clearRunFilter', 'openWalkthrough', 'openDocumentation'].map((id) => `sage.${id}`);
    expect(offered.map(({ command }) => command).sort()).toEqual(ids.sort());
  });

  it('settings that name programs come from the machine alone, and each says what it does', () => {
    for (const name of ['sage.engine.nodePath', 'sage.pythonPath']) expect(settings()[name].scope).toBe('machine');
    for (const [name, setting] of Object.entries(settings()))
      expect(setting.markdownDescription.startsWith('%'), name).toBe(true);
  });

  it('files that it names exist', () => {
    const files = stringsIn([contributes, manifest.icon]).filter((text) => /^(\.\/)?media\//.test(text));
    expect(files.length).toBeGreaterThan(8);
    expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

function settings(): Record<string, { scope: string; markdownDescription: string }> {
  return contributes.configuration[0].properties;
}
