import { mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEventLog } from '../../../engine/run/event-log.ts';
import { createRun, runPaths, updateRun } from '../../../engine/run/folder.ts';
import { codeLenses } from '../../../src/language/server/features/lens.ts';
import { asked } from '../../support/language.ts';
import { config, iterationEvent, provenance, temporaryFolder } from '../run/sample-run.ts';

/** A finished run of some iterations in a folder of runs, called as if it had been launched at `stamp`. */
async function addRun(runsFolder: string, name: string, stamp: string, iterations: number): Promise<string> {
  const { folder } = await createRun(runsFolder, name, `name: ${name}\n`, { ...config, name }, provenance);
  const log = await openEventLog(runPaths(folder).events);
  for (let i = 1; i <= iterations; i++) log.append(iterationEvent(i));
  log.close();
  await updateRun(folder, { status: 'finished' });
  const id = `${name}-${stamp}`;
  renameSync(folder, path.join(runsFolder, id));
  return id;
}

async function lensesOf(text: string, settings: object = {}) {
  const found = await codeLenses(asked(text, '/config/example.sage.yaml', { commands: true, ...settings }));
  return found.map(({ command }) => command!);
}
const titles = async (text: string, settings: object = {}) =>
  (await lensesOf(text, settings)).map(({ title }) => title);

const uri = 'file:///config/example.sage.yaml';

describe('above the first key', () => {
  it('a config can be launched, its exploration seen, and its needs estimated', async () => {
    const text = '# A config.\n\npolicy: {model: shapes}\n';
    const lenses = await codeLenses(asked(text, undefined, { commands: true }));
    expect(lenses.map(({ command }) => command)).toEqual([
      { title: '▶ Launch', command: 'sage.launch', arguments: [uri] },
      { title: 'Preview exploration', command: 'sage.previewExploration', arguments: [uri] },
      { title: 'Estimate', command: 'sage.estimate', arguments: [uri] },
    ]);
    for (const { range } of lenses) expect(range.start).toEqual({ line: 2, character: 0 });
  });

  it('a config with errors is not offered to be launched: its first error is', async () => {
    const [first] = await lensesOf('policy: {model: shapes}\nsampling:\n  stepps: 3\n  shift: none\n');
    expect(first).toEqual({ title: '$(error) 2 errors', command: 'vscode.open', arguments: [`${uri}#L3,3`] });
    expect(await titles('policy: {model: shapes\n')).toEqual(['$(error) 1 error']);
    expect(await titles('')).toEqual(['$(error) 1 error']);
  });

  it('there is nothing for an editor without the commands, or that wants no lenses', async () => {
    expect(await titles('seed: 1\n', { commands: false })).toEqual([]);
    expect(await titles('seed: 1\n', { codeLens: false })).toEqual([]);
  });
});

describe('runs of the config', () => {
  const runsOf = async (name: string, runsFolder: string | null) =>
    (await lensesOf(`name: ${name}\n`, { runsFolder })).slice(3);

  it('are those of its name, the newest first, with the last reward', async () => {
    const runsFolder = temporaryFolder();
    const old = await addRun(runsFolder, 'mine', '20260101-000000', 2);
    const [dashboard] = await runsOf('mine', runsFolder);
    expect(dashboard).toMatchObject({ command: 'sage.openDashboard', arguments: [old] });
    const mean = (iterationEvent(2) as unknown as { reward: { mean: number } }).reward.mean;
    expect(dashboard.title).toBe(`1 run · last reward ${mean.toFixed(2)}`);

    const other = temporaryFolder();
    await addRun(other, 'mine', '20260101-000000', 1);
    const newer = await addRun(other, 'mine', '20260201-000000-10', 3);
    const middle = await addRun(other, 'mine', '20260201-000000-9', 3);
    await addRun(other, 'mine-too', '20260301-000000', 3);
    mkdirSync(path.join(other, 'mine-notes'));
    const [newest, compare] = await runsOf('mine', other);
    expect(newest).toMatchObject({ command: 'sage.openDashboard', arguments: [newer] });
    expect(newest.title).toMatch(/^3 runs · last reward \d\.\d\d$/);
    expect(compare).toEqual({
      title: 'Compare 3 runs',
      command: 'sage.compareRuns',
      arguments: [[newer, middle, 'mine-20260101-000000']],
    });
  });

  it('that crashed before they had a reward say so', async () => {
    const runsFolder = temporaryFolder();
    const { id } = await createRun(runsFolder, 'mine', 'name: mine\n', { ...config, name: 'mine' }, provenance);
    expect(await runsOf('mine', runsFolder)).toEqual([
      { title: '1 run · crashed', command: 'sage.openDashboard', arguments: [id] },
    ]);
  });

  it('are none where there is no folder of runs', async () => {
    expect(await runsOf('mine', null)).toEqual([]);
    expect(await runsOf('mine', path.join(temporaryFolder(), 'none'))).toEqual([]);
  });
});
