/** A new user's way through the walkthrough, each step by its own button, and whether all can use what opens. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../engine/package-root.ts';
import { needs } from '../support/needs.ts';
import { seriousFaults } from '../webview/accessible.ts';
import {
  accept,
  choose,
  chooseAll,
  editorTab,
  eventually,
  openFile,
  openStep,
  press,
  quickInput,
  runCommand,
  webview,
} from './drive.ts';
import { inSteps } from './steps.ts';
import { openWorkbench, type Workbench } from './workbench.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const codeServer = inject('codeServer');
const minutes = 60_000;

describe('the walkthrough', () => {
  needs(codeServer.kind !== 'none', codeServer.kind === 'none' ? codeServer.reason : '');
  let workspace: Workspace;
  let bench: Workbench;
  /** Folder of a run of two iterations that has finished. */
  let run: string;

  const status = async () => JSON.parse(await readFile(path.join(run, 'run.json'), 'utf8')).status as string;
  const closeAll = () => runCommand(bench.page, 'View: Close All Editors');
  /** Opens the walkthrough, and a step of it. */
  const step = async (title: string, action: string) => {
    await closeAll();
    await runCommand(bench.page, 'SAGE: Open Walkthrough');
    return openStep(bench.page, title, action);
  };
  /** What hinders people in the webview in front. */
  const faults = async () => seriousFaults(await webview(bench.page));

  beforeAll(async () => {
    if (codeServer.kind === 'none') return;
    workspace = await createWorkspace();
    const program = path.join(packageRoot(), 'dist', 'cli.js');
    const example = path.join(packageRoot(), 'examples', 'shapes.sage.yaml');
    const few = ['--iterations', '2', '--name', 'first', '--set', 'evaluation.max_videos=4'];
    const argv = [program, 'train', example, ...few, '--set', 'checkpoints.every=1'];
    await promisify(execFile)(process.execPath, argv, { cwd: workspace.folder });
    [run] = await workspace.runs();
    bench = await openWorkbench(codeServer, { extension: { development: packageRoot() }, workspace: workspace.folder });
  }, 5 * minutes);
  afterAll(async () => {
    await bench?.close();
    await workspace?.remove();
  });

  inSteps(() => bench);

  it('opens from the palette, and its first step opens the example', { timeout: 3 * minutes }, async () => {
    const { page } = bench;
    const open = await step('Open the example', 'Open the Example');
    await bench.screenshot('walkthrough');
    await open.click();
    const file = path.join(workspace.folder, 'shapes.sage.yaml');
    await accept(page, file);
    await editorTab(page, 'shapes.sage.yaml').waitFor();
    await eventually('the example is written', async () => existsSync(file));
  });

  it('says before a launch what will run and where', { timeout: 3 * minutes }, async () => {
    const { page } = bench;
    await (await step('Launch it', 'Launch Training')).click();
    // The walkthrough is in front, not the config: which one is asked.
    await choose(page, 'shapes.sage.yaml');
    await page.locator('.monaco-dialog-box').filter({ hasText: 'Launch the training "shapes"?' }).waitFor();
    await press(page, 'Cancel');
    expect(await workspace.runs()).toEqual([run]);
  });

  it('opens the dashboard, with the rollouts', { timeout: 3 * minutes }, async () => {
    const { page } = bench;
    await (await step('Look at the rollouts', 'Open Dashboard')).click();
    const frame = await webview(page);
    await frame.getByRole('tab', { name: 'Rollouts' }).click();
    await frame.locator('video').first().waitFor();
    expect(await faults()).toEqual([]);
  });

  it('opens the dashboard, with the gradients', { timeout: 3 * minutes }, async () => {
    const { page } = bench;
    await (await step('Read the gradients', 'Open Dashboard')).click();
    const frame = await webview(page);
    await frame.getByRole('tab', { name: 'Gradients' }).click();
    await frame.locator('canvas').first().waitFor();
    for (const tab of await frame.getByRole('tab').all()) {
      await tab.click();
      expect(await faults(), await tab.innerText()).toEqual([]);
    }
  });

  it('resumes from a checkpoint', { timeout: 4 * minutes }, async () => {
    const { page } = bench;
    await (await step('Resume from a checkpoint', 'Resume from Checkpoint')).click();
    await choose(page, 'iteration 1');
    await page.locator('.monaco-dialog-box').filter({ hasText: 'Resume first from iteration 1?' }).waitFor();
    await press(page, 'Resume');
    // A resume cuts off what was after the checkpoint, the end of the run before all.
    const has = async (kind: string) =>
      (await readFile(path.join(run, 'events.jsonl'), 'utf8')).includes(`"kind":"${kind}"`);
    await eventually('it was resumed', () => has('run_resumed'), 120);
    await eventually(
      'it has finished',
      async () => (await has('run_finished')) && (await status()) === 'finished',
      120,
    );
  });

  it('every other webview is for all to use', { timeout: 4 * minutes }, async () => {
    const { page } = bench;
    await closeAll();
    // Another run to compare with.
    const other = `${run}-2`;
    await cp(run, other, { recursive: true });
    const record = JSON.parse(await readFile(path.join(run, 'run.json'), 'utf8'));
    await writeFile(path.join(other, 'run.json'), JSON.stringify({ ...record, id: path.basename(other) }));
    await runCommand(page, 'SAGE: Compare Runs');
    await quickInput(page).getByText(path.basename(other)).first().waitFor();
    await chooseAll(page);
    await (await webview(page)).locator('canvas').first().waitFor();
    expect(await faults(), 'compare').toEqual([]);
    await closeAll();

    await openFile(page, 'shapes.sage.yaml');
    await runCommand(page, 'SAGE: Preview Exploration');
    await (await webview(page)).locator('canvas').first().waitFor();
    expect(await faults(), 'schedule').toEqual([]);
    await closeAll();

    await openFile(page, 'p00-g0.mp4');
    await (await webview(page)).locator('video').first().waitFor();
    expect(await faults(), 'video').toEqual([]);
  });

  it('had no error in a webview, and nothing that the Content Security Policy forbids', () => {
    expect(bench.problems()).toEqual([]);
  });
});
