#!/usr/bin/env node
// In an installed package the program is bundled; in a clone it runs from its sources through the bootstrap.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bootstrap = path.join(root, 'bootstrap.mjs');
const args = process.argv.slice(2);
process.on('SIGINT', () => {});
const result = existsSync(bootstrap)
  ? spawnSync(process.execPath, [bootstrap, 'sage-grpo', ...args], { stdio: 'inherit' })
  : spawnSync(process.execPath, [path.join(root, 'dist', 'cli.js'), ...args], { stdio: 'inherit' });
process.exit(result.status ?? 1);
