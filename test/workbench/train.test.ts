/// <reference lib="dom" />
/** A person's way through a training, in a real workbench: from a config to a comparison, with a death in between. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { needs } from '../support/needs.ts';
import {
  accept,
  choose,
  chooseAll,
  editorTab,
  eventually,
  notification,
  openContainer,
  press,
  pressInNotification,
  replaceInEditor,
  runCommand,
  statusBar,
  treeRows,
  webview,
} from './drive.ts';
import { inSteps } from './steps.ts';
import { openWorkbench, type Workbench } from './workbench.ts';
import { createWorkspace, killTrainer, type Workspace } from './workspace.ts';

const codeServer = inject('codeServer');
const minutes = 60_000;
/** Iterations; enough for all that is done while they go on. */
const planned = 120;

describe('training in the editor', () => {
  needs(codeServer.kind !== 'none', codeServer.kind === 'none' ? codeServer.reason : '');
  let workspace: Workspace;
  let bench: Workbench;
  /** Folder of the run that is launched here. */
  let run: string;

  const record = async (name: string) => JSON.parse(await readFile(path.join(run, name), 'utf8'));
  const iterations = async () => {
    const text = await readFile(path.join(run, 'events.jsonl'), 'utf8');
    return text.split('\n').filter((line) => line.includes('"kind":"iteration"')).length;
  };
  const tab = async (name: string) => (await webview(bench.page)).getByRole('tab', { name }).click();

  beforeAll(async () => {
    if (codeServer.kind === 'none') return;
    workspace = await createWorkspace();
    // Another run, to be compared with.
    const program = path.join(packageRoot(), 'dist', 'cli.js');
    const example = path.join(packageRoot(), 'examples', 'shapes.sage.yaml');
    const few = ['--iterations', '2', '--name', 'earlier', '--set', 'evaluation.max_videos=4'];
    await promisify(execFile)(process.execPath, [program, 'train', example, ...few], { cwd: workspace.folder });
    bench = await openWorkbench(codeServer, { extension: { development: packageRoot() }, workspace: workspace.folder });
  }, 5 * minutes);
  afterAll(async () => {
    await bench?.close();
    await workspace?.remove();
  });

  inSteps(() => bench);

  it('makes a config from a preset', async () => {
    const { page } = bench;
    await runCommand(page, 'SAGE: New Config');
    await choose(page, 'shapes');
    const file = path.join(workspace.folder, 'shapes.sage.yaml');
    await accept(page, file);
    await editorTab(page, 'shapes.sage.yaml').waitFor();
    await replaceInEditor(page, 'iterations: 80', `iterations: ${planned}`);
    await eventually('the config is saved', async () =>
      (await readFile(file, 'utf8')).includes(`iterations: ${planned}`),
    );
  });

  it('launches it from the palette, after saying what will run', { timeout: 4 * minutes }, async () => {
    const { page } = bench;
    await runCommand(page, 'SAGE: Launch Training');
    await page.locator('.monaco-dialog-box').filter({ hasText: 'Launch the training' }).waitFor();
    await bench.screenshot('launch');
    await press(page, 'Launch');
    run = await eventually('the run has a folder', async () =>
      (await workspace.runs()).find((folder) => path.basename(folder).startsWith('shapes')),
    );
    await pressInNotification(page, /trains: iteration \d+ is done/, 'Open Dashboard');
    await editorTab(page, /shapes/).waitFor();
    await statusBar(page, /reward/i).waitFor();
  });

  it('plays the videos and fills the charts while it trains', { timeout: 4 * minutes }, async () => {
    await tab('Rollouts');
    await bench.page.keyboard.press('Escape');
    const frame = await webview(bench.page);
    await frame.locator('video').first().waitFor();
    await eventually('a video plays', () =>
      frame.evaluate(async () => {
        for (const video of document.querySelectorAll('video')) await video.play().catch(() => {});
        const before = [...document.querySelectorAll('video')].map((video) => video.currentTime);
        await new Promise((resolve) => setTimeout(resolve, 300));
        return [...document.querySelectorAll('video')].some((video, i) => video.currentTime !== before[i]);
      }),
    );
    await bench.screenshot('rollouts');
    await tab('Reward');
    await eventually('the chart has a line', async () => {
      const canvas = (await webview(bench.page)).locator('canvas').first();
      return canvas.evaluate((element: HTMLCanvasElement) => {
        const { width, height } = element;
        const pixels = element.getContext('2d')!.getImageData(0, 0, width, height).data;
        return new Set(new Uint32Array(pixels.buffer)).size > 3;
      });
    });
    expect((await record('run.json')).status).toBe('running');
  });

  it('pauses', { timeout: 2 * minutes }, async () => {
    await runCommand(bench.page, 'SAGE: Pause');
    await (await webview(bench.page)).getByText('Paused', { exact: true }).first().waitFor();
    expect((await record('run.json')).status).toBe('paused');
  });

  it('is the same after the window is reloaded', { timeout: 3 * minutes }, async () => {
    await bench.reload();
    const frame = await webview(bench.page);
    await frame.getByRole('tab', { name: 'Reward', selected: true }).waitFor();
    await frame.locator('canvas').first().waitFor();
    await openContainer(bench.page, 'SAGE');
    await treeRows(bench.page, 'shapes').first().waitFor();
    await statusBar(bench.page, /reward/i).waitFor();
    await frame.getByText('Paused', { exact: true }).first().waitFor();
  });

  it('goes on when it is told to', { timeout: 2 * minutes }, async () => {
    const before = await iterations();
    await runCommand(bench.page, 'SAGE: Continue');
    await eventually('more iterations are done', async () => (await iterations()) > before + 1);
  });

  it('writes a checkpoint when it is asked to', { timeout: 3 * minutes }, async () => {
    const whole = async () => {
      const folder = path.join(run, 'checkpoints');
      if (!existsSync(folder)) return [];
      return (await readdir(folder)).filter((name) => existsSync(path.join(folder, name, 'manifest.json')));
    };
    const before = await whole();
    await runCommand(bench.page, 'SAGE: Checkpoint Now');
    await eventually('another checkpoint has its manifest', async () =>
      (await whole()).some((name) => !before.includes(name)),
    );
  });

  it('says that the trainer died, and offers to resume', { timeout: 3 * minutes }, async () => {
    expect(await killTrainer(run)).toBe(true);
    await notification(bench.page, 'has died');
    await bench.screenshot('died');
    const frame = await webview(bench.page);
    await frame
      .getByText(/crashed/i)
      .first()
      .waitFor();
    await frame.getByRole('button', { name: 'Resume' }).first().waitFor();
  });

  it('resumes, and finishes', { timeout: 8 * minutes }, async () => {
    const before = await iterations();
    await pressInNotification(bench.page, 'has died', 'Resume');
    await eventually('the run has finished', async () => (await record('run.json')).status === 'finished', 7 * 60);
    expect(before).toBeLessThan(planned);
    expect(await iterations()).toBe(planned);
    const frame = await webview(bench.page);
    await frame
      .getByText(/finished/i)
      .first()
      .waitFor();
    for (const name of ['Health', 'Reward', 'Rollouts', 'Gradients', 'Manifold drift', 'Checkpoints', 'Run']) {
      await tab(name);
      await bench.screenshots(`dashboard-${name.toLowerCase().replace(' ', '-')}`);
    }
  });

  it('compares it with another run', { timeout: 3 * minutes }, async () => {
    await runCommand(bench.page, 'View: Close All Editors');
    await runCommand(bench.page, 'SAGE: Compare Runs');
    await chooseAll(bench.page);
    const frame = await webview(bench.page);
    await frame.getByText('earlier').first().waitFor();
    await frame.locator('canvas').first().waitFor();
    await bench.screenshots('compare');
  });

  it('had no error in a webview, and nothing that the Content Security Policy forbids', () => {
    expect(bench.problems()).toEqual([]);
  });
});
