/** Programs for `sage.engine.nodePath`: between the extension and the engine, or in the engine's place. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'mocha';
import * as vscode from 'vscode';
import { protocolVersion } from '../../../engine/protocol.ts';
import { eventually, studio } from './studio.ts';

/** Runs a Node program with the Node of this extension host, whatever that is. */
const node = `ELECTRON_RUN_AS_NODE=1 exec '${process.execPath}'`;

/** Goes on as the engine, with the arguments that it was given. */
export const asEngine = `${node} "$@"`;

/** Says hello as an engine of a later version. */
export const ofLaterVersion = `${node} --input-type=module -e '
  let text = "";
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("data", (chunk) => {
    text += chunk;
    const id = /"id":(\\d+)/.exec(text)?.[1];
    if (id === undefined) return;
    text = "";
    const result = { protocolVersion: ${protocolVersion + 1} };
    const answer = JSON.stringify({ jsonrpc: "2.0", id: Number(id), result });
    process.stdout.write("Content-Length: " + Buffer.byteLength(answer) + "\\r\\n\\r\\n" + answer);
  });'`;

let place: string | null = null;

/** A program of sh. */
export interface Program {
  file: string;
  /** How often it was started. */
  starts(): number;
}

export function program(name: string, body: string): Program {
  place ??= mkdtempSync(path.join(os.tmpdir(), 'sage-programs-'));
  const file = path.join(place, name);
  const count = `${file}.starts`;
  writeFileSync(file, `#!/bin/sh\necho started >> '${count}'\n${body}\n`);
  chmodSync(file, 0o755);
  return { file, starts: () => (existsSync(count) ? readFileSync(count, 'utf8').trim().split('\n').length : 0) };
}

/** Has the engine, which is up, run by this program; null: by the editor's own Node. Waits until it is begun anew. */
export async function runBy(file: string | null): Promise<void> {
  const { engine } = await studio();
  const configuration = vscode.workspace.getConfiguration('sage');
  if ((configuration.inspect('engine.nodePath')?.globalValue ?? null) === file) return;
  let begun = false;
  const listener = engine.onState(({ kind }) => (begun ||= kind === 'starting'));
  try {
    await configuration.update('engine.nodePath', file ?? undefined, vscode.ConfigurationTarget.Global);
    await eventually('the setting is heard', () => begun);
  } finally {
    listener.dispose();
  }
}

after(() => {
  if (place !== null) rmSync(place, { recursive: true, force: true });
});
