/** The extension as suites inside the extension host reach it. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { processStart } from '../../../engine/run/lock.ts';
import type { EngineState } from '../../../src/engine/engine.ts';
import { defaultPolicy, type EnginePolicy } from '../../../src/engine/policy.ts';
import type { Inside } from '../../../src/inside.ts';
import { extensionId } from '../../workbench/records.ts';

/** Folder that is open. */
export const folder = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

/** The numbers of the engine's life; what a suite puts in here counts from the engine's next start. */
export const policy: { -readonly [Key in keyof EnginePolicy]: EnginePolicy[Key] } = { ...defaultPolicy };

let inside: Inside | null = null;

/** The extension, activated. */
export async function studio(): Promise<Inside> {
  if (inside) return inside;
  const extension = vscode.extensions.getExtension<Inside | undefined>(extensionId);
  assert.ok(extension, `${extensionId} is not there`);
  const found = await extension.activate();
  assert.ok(found, 'it gives suites nothing to look at');
  found.usePolicy(policy);
  return (inside = found);
}

/** Looks until something is there, neither undefined, null nor false. What it throws counts as not there yet. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  seconds = 60,
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false)
        return found as Exclude<T, undefined | null | false>;
      last = found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  throw new Error(`${what}: not so after ${seconds} s; last: ${last instanceof Error ? last.message : String(last)}`);
}

/** The engine's state when it is of a kind. */
export async function comesTo<Kind extends EngineState['kind']>(
  kind: Kind,
): Promise<Extract<EngineState, { kind: Kind }>> {
  const { engine } = await studio();
  await eventually(`the engine is ${kind}`, () => engine.state.kind === kind);
  return engine.state as Extract<EngineState, { kind: Kind }>;
}

/** A process that has ended and that nobody has asked about yet counts as gone. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processStart(pid)) !== null;
}

/** The tabs of all editor groups. */
export function tabs(): readonly vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs);
}

/** The tabs of a kind of our webviews. */
export function webviewTabs(viewType: string): vscode.Tab[] {
  // The workbench puts its own word before the name.
  return tabs().filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith(viewType));
}

export async function closeTabs(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await eventually('all editors are closed', () => tabs().length === 0);
}
