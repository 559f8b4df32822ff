import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { createHealth } from '../../engine/health/health.ts';
import type { RunEvent } from '../../engine/run/events.ts';
import { eventsOf, recordOf, sage, temporaryFolder, tinyConfig, trained } from './support.ts';

const folder = temporaryFolder();
let run: string;

beforeAll(async () => {
  const config = tinyConfig(folder, {
    rollout: { prompts_per_iteration: 4, generations: 4 },
    training: { iterations: 45, micro_batch: 16, learning_rate: 0.0003 },
    evaluation: { every: 15, videos_per_prompt: 1, max_videos: 24 },
    checkpoints: { every: 20, keep: 2 },
    videos: { every: 0, evaluation: 0 },
  });
  run = await trained(config, path.join(folder, 'runs'));
});

test('a run that was really trained gives no false alarm at any time', () => {
  const { config } = recordOf(run) as unknown as { config: Record<string, unknown> };
  const health = createHealth(config);
  const codes = new Set<string>();
  for (const event of eventsOf(run)) {
    health.add(event as unknown as RunEvent);
    for (const { code } of health.findings('running')) codes.add(code);
  }
  // How long a stage takes is the machine's affair, and this one may be busy.
  codes.delete('health/slow-stage');
  expect([...codes]).toEqual([]);
});

test('inspect says that the trainer is gone, and from where to resume', async () => {
  const crashed = path.join(folder, 'crashed');
  cpSync(run, crashed, { recursive: true });
  writeFileSync(path.join(crashed, 'run.json'), JSON.stringify({ ...recordOf(run), status: 'running' }));
  const log = path.join(crashed, 'events.jsonl');
  const lines = readFileSync(log, 'utf8').split('\n');
  const end = lines.findIndex((line) => line.includes('"kind":"iteration"') && JSON.parse(line).iteration === 33);
  writeFileSync(log, lines.slice(0, end + 1).join('\n') + '\n');
  const { stdout } = await sage(['inspect', crashed]);
  expect(stdout).toMatch(/^problem: The trainer is gone: its process ended without a word after iteration 33\.$/m);
  expect(stdout).toMatch(/^ {2}Last iteration 33; the newest checkpoint is of iteration (20|30)\.$/m);
  const told = JSON.parse((await sage(['inspect', crashed, '--json'])).stdout);
  expect(told.health).toMatchObject([{ code: 'health/trainer-died', severity: 'problem', first: 33, last: 33 }]);
});
