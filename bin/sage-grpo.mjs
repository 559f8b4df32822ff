#!/usr/bin/env node
// In an installed package the program is bundled; in a clone it runs from its sources through the bootstrap.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bootstrap = path.join(root, 'bootstrap.mjs');
const args = process.argv.slice(2);
const argv = existsSync(bootstrap) ? [bootstrap, 'sage-grpo', ...args] : [path.join(root, 'dist', 'cli.js'), ...args];
const child = spawn(process.execPath, argv, { stdio: 'inherit' });
// Ctrl-C reaches the child as well; TERM comes to this process alone.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 1));
