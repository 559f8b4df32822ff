import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { TreeNode } from '../../../src/views/runs/nodes.ts';
import {
  checkpointsOf,
  copyRun,
  finishedRun,
  longRun,
  progressOf,
  recordOf,
  restLongRun,
  runFolder,
  runNames,
} from '../host/runs.ts';
import { eventually, studio } from '../host/studio.ts';

/** What the view shows below a node, as the workbench asks for it. */
async function shown(node?: TreeNode): Promise<{ node: TreeNode; item: vscode.TreeItem }[]> {
  const { provider } = await (await studio()).tree();
  const nodes = (await provider.getChildren(node)) ?? [];
  return Promise.all(nodes.map(async (each) => ({ node: each, item: await provider.getTreeItem(each) })));
}

async function itemOf(run: string): Promise<{ node: TreeNode; item: vscode.TreeItem }> {
  return eventually(`${run} is shown`, async () => (await shown()).find(({ node }) => node.run === run));
}

async function below(run: string, group: 'Checkpoints' | 'Rollouts') {
  const groups = await shown((await itemOf(run)).node);
  assert.deepEqual(
    groups.map(({ item }) => item.label),
    ['Checkpoints', 'Rollouts'],
  );
  return shown(groups.find(({ item }) => item.label === group)!.node);
}

const textOf = ({ item }: { item: vscode.TreeItem }) => `${String(item.label)}: ${String(item.description)}`;
const iconOf = ({ item }: { item: vscode.TreeItem }) => (item.iconPath as vscode.ThemeIcon).id;
const wordsOf = ({ item }: { item: vscode.TreeItem }) => item.contextValue!.split(' ');

describe('the tree of runs', () => {
  let finished: string;
  const died = 'died-20200102-000000';
  const broken = 'broken-20200101-000000';

  before(async () => {
    finished = await finishedRun();
    // A trainer that is gone without a word leaves this; a disk that is full, that.
    copyRun(finished, died, { name: 'died', status: 'running' });
    mkdirSync(runFolder(broken));
    writeFileSync(path.join(runFolder(broken), 'run.json'), '{"v":1,');
    await vscode.commands.executeCommand('sage.refreshRuns');
    await itemOf(died);
    await itemOf(broken);
  });
  after(async () => {
    await vscode.commands.executeCommand('sage.clearRunFilter');
    for (const run of [died, broken]) rmSync(runFolder(run), { recursive: true });
    await restLongRun();
  });

  async function isInOrder(): Promise<void> {
    const names = (await shown()).map(({ node }) => node.run);
    assert.deepEqual(names.toSorted(), runNames().toSorted());
    assert.equal(names.at(-1), broken);
    const created = names.slice(0, -1).map((run) => recordOf(run).created);
    assert.deepEqual(created, created.toSorted().reverse());
    assert.equal(names.at(-2), died);
  }

  it('has every run of the folder, newest first, those that cannot be read last', isInOrder);

  it('shows a finished run with its iterations and its last reward', async () => {
    const one = await itemOf(finished);
    assert.equal(textOf(one), `short: 4 iterations · reward ${progressOf(finished).reward.toFixed(2)}`);
    assert.equal(iconOf(one), 'pass');
    assert.equal(one.item.command!.command, 'sage.openDashboard');
    assert.deepEqual(wordsOf(one), ['run', 'finished', 'ended', 'readable', 'deletable']);
  });

  it('says of a run without a trainer that it crashed, and that it can be resumed', async () => {
    const one = await itemOf(died);
    assert.match(textOf(one), /^died: crashed · 4\/4 · reward -?\d\.\d\d$/);
    assert.equal(iconOf(one), 'warning');
    assert.ok(wordsOf(one).includes('resumable'));
  });

  it('says of a run that cannot be read why', async () => {
    const one = await itemOf(broken);
    assert.match(textOf(one), new RegExp(`^${broken}: cannot be read: .*run\\.json`));
    assert.equal(iconOf(one), 'circle-slash');
    assert.equal(one.item.collapsibleState, vscode.TreeItemCollapsibleState.None);
    assert.deepEqual(wordsOf(one), ['run', 'broken', 'deletable']);
  });

  it('follows a run while it trains, and says so when it rests', async () => {
    const { provider } = await (await studio()).tree();
    const run = await longRun();
    const { node } = await itemOf(run);
    const changed: unknown[] = [];
    const listener = provider.onDidChangeTreeData!((nodes) => changed.push(...[nodes].flat()));
    // As the workbench does, which asks again for what it was told has changed.
    const now = async () => ({ node, item: await provider.getTreeItem(node) });
    const iteration = async () => {
      const one = await now();
      assert.equal(iconOf(one), 'sync~spin');
      const told = /^long: iteration (\d+)\/100000 · reward -?\d\.\d\d · \d+ \w+( \d+ min)? left$/.exec(textOf(one));
      assert.ok(told, textOf(one));
      return Number(told[1]);
    };
    const before = await eventually('it tells the iteration', iteration);
    await eventually('it tells later ones', async () => (await iteration()) > before + 2);
    await eventually('the workbench is told of the change', () => changed.includes(node));
    listener.dispose();
    await restLongRun();
    await eventually('it rests', async () => iconOf(await now()) === 'debug-pause');
    const { iterations, reward } = progressOf(run);
    assert.equal(textOf(await now()), `long: paused · ${iterations}/100000 · reward ${reward.toFixed(2)}`);
    await isInOrder();
  });

  it('has the checkpoints of a run below it, newest first, with reward and size', async () => {
    const items = await below(finished, 'Checkpoints');
    const iterations = items.map(({ node }) => (node.kind === 'checkpoint' ? node.iteration : NaN));
    assert.deepEqual(iterations, checkpointsOf(finished).reverse());
    for (const one of items) {
      assert.match(textOf(one), /^iteration \d: reward -?\d\.\d\d · \d+(\.\d)? MB$/);
      assert.equal(one.item.contextValue, 'checkpoint valid');
    }
  });

  it('marks a checkpoint that is damaged, and offers no resuming from it', async () => {
    const newest = path.join(runFolder(died), 'checkpoints', String(checkpointsOf(died).at(-1)).padStart(6, '0'));
    const weights = readdirSync(newest).find((name) => name.endsWith('.safetensors'))!;
    writeFileSync(path.join(newest, weights), 'not weights');
    const [damaged, ...others] = await below(died, 'Checkpoints');
    assert.match(textOf(damaged!), /^iteration 4: not valid: .*safetensors/);
    assert.equal(damaged!.item.contextValue, 'checkpoint damaged');
    assert.ok(others.every(({ item }) => item.contextValue === 'checkpoint valid'));
  });

  it('has the rollouts below it by iteration, each of which opens the dashboard there', async () => {
    const items = await below(finished, 'Rollouts');
    const onDisk = readdirSync(path.join(runFolder(finished), 'rollouts')).map(Number);
    assert.ok(onDisk.length > 1);
    assert.deepEqual(
      items.map(({ item }) => item.command!.arguments),
      onDisk.toSorted((a, b) => b - a).map((iteration) => [{ run: finished, iteration }]),
    );
  });

  it('says where there is nothing yet', async () => {
    rmSync(path.join(runFolder(died), 'rollouts'), { recursive: true });
    assert.ok(existsSync(runFolder(died)));
    const [note] = await below(died, 'Rollouts');
    assert.equal(note!.item.description, 'none yet');
  });

  it('is filtered by names and by statuses, and says by what', async () => {
    const tree = await (await studio()).tree();
    const filtered = async (filter: string) => {
      await vscode.commands.executeCommand('sage.filterRuns', filter);
      return (await shown()).map(({ node }) => node.run);
    };
    assert.deepEqual(await filtered('crashed died'), [died]);
    await eventually('it says so', () => tree.message === `Filter “crashed died”: 1 of ${runNames().length} runs`);
    assert.ok((await filtered('SHORT')).includes(finished));
    assert.deepEqual(await filtered('no such run'), []);
    await vscode.commands.executeCommand('sage.clearRunFilter');
    assert.equal((await shown()).length, runNames().length);
    await eventually('it says nothing more', () => tree.message === undefined);
  });
});
