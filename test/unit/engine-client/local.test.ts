import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { engineOn } from '../../../src/hosts/hosts.ts';
import { localEngine, type LocalSettings } from '../../../src/hosts/local.ts';
import { temporaryFolder } from '../../e2e/support.ts';
import { impostor, openClient } from './client.ts';

function settings(changes: Partial<LocalSettings> = {}): LocalSettings {
  const folder = temporaryFolder();
  return { nodePath: '', pythonPath: '', runsFolder: 'runs', folder, extensionFolder: folder, ...changes };
}

test('the Node of the editor runs it, unless the settings name another', () => {
  const own = localEngine(settings());
  expect(own.executable).toBe(process.execPath);
  expect(own.env.ELECTRON_RUN_AS_NODE).toBe('1');
  const other = localEngine(settings({ nodePath: '/opt/node' }));
  expect(other.executable).toBe('/opt/node');
  expect(other.env.ELECTRON_RUN_AS_NODE).toBeUndefined();
});

test('the runs lie in the workspace folder, or where an absolute path says', () => {
  const inside = settings();
  expect(localEngine(inside).argv.slice(1)).toEqual(['serve', '--stdio', '--runs', path.join(inside.folder!, 'runs')]);
  expect(localEngine(settings({ runsFolder: '/data/runs' })).argv.at(-1)).toBe('/data/runs');
  expect(localEngine(settings({ folder: null })).cwd).toBe(os.homedir());
});

test('what was built is run rather than the sources', () => {
  const given = settings();
  expect(localEngine(given).argv[0]).toBe(path.join(given.extensionFolder, 'engine', 'cli.ts'));
  mkdirSync(path.join(given.extensionFolder, 'dist'));
  writeFileSync(path.join(given.extensionFolder, 'dist', 'cli.js'), '');
  expect(localEngine(given).argv[0]).toBe(path.join(given.extensionFolder, 'dist', 'cli.js'));
});

test("the engine's environment is that of a terminal, not that of the editor", async () => {
  const program = impostor("writeFileSync('environment.json', JSON.stringify(process.env));");
  vi.stubEnv('VSCODE_IPC_HOOK', '/tmp/hook');
  vi.stubEnv('ELECTRON_NO_ATTACH_CONSOLE', '1');
  vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=2048');
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '0');
  const { env } = localEngine(settings({ pythonPath: '/venv/bin/python' }));
  const { engine } = openClient(() => ({ ...program.command, env }));
  await engine.start();
  await engine.stop();
  vi.unstubAllEnvs();
  const seen = JSON.parse(readFileSync(path.join(program.folder, 'environment.json'), 'utf8'));
  expect(seen).toMatchObject({
    CUDA_VISIBLE_DEVICES: '0',
    SAGE_PYTHON: '/venv/bin/python',
    ELECTRON_RUN_AS_NODE: '1',
    PATH: process.env.PATH,
  });
  for (const name of ['VSCODE_IPC_HOOK', 'ELECTRON_NO_ATTACH_CONSOLE', 'NODE_OPTIONS'])
    expect(seen).not.toHaveProperty(name);
});

test('the engine runs on the host that is chosen, and says what to write where there is none of that name', () => {
  const given = settings();
  expect(engineOn('local', given)).toEqual(localEngine(given));
  for (const host of ['gpu-box', 'constructor', '-oProxyCommand=x'])
    expect(() => engineOn(host, given)).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: 'host/unknown' }) }),
    );
});
