import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { EngineCommand } from '../engine/create.ts';

/** What of the settings and the window decides how the engine runs on this machine. */
export interface LocalSettings {
  /** `sage.engine.nodePath`; empty: the Node of the editor. */
  nodePath: string;
  /** `sage.pythonPath`; empty: what the engine finds by itself. */
  pythonPath: string;
  /** Folder of the runs, absolute or relative to `folder`. */
  runsFolder: string;
  /** The workspace folder; null without one. */
  folder: string | null;
  /** Where the extension is installed. */
  extensionFolder: string;
}

/** Variables by which the editor sets up its own processes, and which would set up ours wrongly. */
const ofEditor = /^(?:ELECTRON_|VSCODE_)|^NODE_OPTIONS$/i;

/** Undefined for each variable that a child of the editor should not inherit. */
export function withoutEditor(environment: NodeJS.ProcessEnv): Record<string, undefined> {
  const names = Object.keys(environment).filter((name) => ofEditor.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** The program of the engine: bundled, or from its sources in a clone that was not built. */
export function engineProgram(extensionFolder: string): string {
  const bundled = path.join(extensionFolder, 'dist', 'cli.js');
  return existsSync(bundled) ? bundled : path.join(extensionFolder, 'engine', 'cli.ts');
}

/** How the engine is started on this machine, where the extension host runs. */
export function localEngine(settings: LocalSettings): EngineCommand {
  const { nodePath, pythonPath, extensionFolder } = settings;
  const cwd = settings.folder ?? os.homedir();
  const runs = path.resolve(cwd, settings.runsFolder);
  return {
    executable: nodePath === '' ? process.execPath : nodePath,
    argv: [engineProgram(extensionFolder), 'serve', '--stdio', '--runs', runs],
    env: {
      ...withoutEditor(process.env),
      // The editor's own program is a Node only with this; trainers run by the same program and inherit it.
      ...(nodePath === '' ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
      ...(pythonPath === '' ? {} : { SAGE_PYTHON: pythonPath }),
    },
    cwd,
    label: 'this machine',
  };
}
