import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { buildWebview } from './bundle-files.ts';

/** Bundles a webview into a folder of its own that goes after the tests. */
export async function bundleWebview(name: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sage-webview-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  await buildWebview(name, folder);
  return folder;
}
