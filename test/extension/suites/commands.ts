import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { extensionId } from '../../workbench/records.ts';
import { aPerson } from '../host/person.ts';
import {
  comesToStatus,
  copyRun,
  endless,
  eventsOf,
  finishedRun,
  launch,
  recordOf,
  runFolder,
  runNames,
  tiny,
  writeConfig,
} from '../host/runs.ts';
import { closeTabs, eventually, folder, studio, tabs, webviewTabs } from '../host/studio.ts';

const call = <T>(command: string, ...args: unknown[]) => vscode.commands.executeCommand<T>(`sage.${command}`, ...args);
const textOf = (uri: vscode.Uri) => readFileSync(uri.fsPath, 'utf8');

describe('commands', () => {
  before(studio);

  it('that package.json contributes are all registered', async () => {
    const { contributes } = vscode.extensions.getExtension(extensionId)!.packageJSON;
    const contributed = (contributes.commands as { command: string }[]).map(({ command }) => command);
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(contributed.length > 20);
    assert.deepEqual(
      contributed.filter((command) => !registered.has(command)),
      [],
    );
  });
});

describe('New Config', () => {
  const person = aPerson();
  after(closeTabs);

  it('writes the preset that it is given where it is told to, and opens it', async () => {
    const target = writeConfig('new', '');
    await vscode.workspace.fs.delete(target);
    const written = await call<vscode.Uri>('newConfig', { preset: 'shapes', target });
    assert.equal(written.toString(), target.toString());
    const { extensionPath } = vscode.extensions.getExtension(extensionId)!;
    assert.equal(textOf(target), readFileSync(path.join(extensionPath, 'examples', 'shapes.sage.yaml'), 'utf8'));
    const { document } = vscode.window.activeTextEditor!;
    assert.equal(document.uri.toString(), target.toString());
    assert.equal(document.languageId, 'sage-yaml');
  });

  it('asks before it replaces a file', async () => {
    const target = writeConfig('taken', '# mine\n');
    person.willAnswer(undefined);
    assert.equal(await call('newConfig', { preset: 'shapes', target }), undefined);
    assert.equal(textOf(target), '# mine\n');
    person.willAnswer('Replace');
    await call('newConfig', { preset: 'shapes', target });
    assert.match(textOf(target), /^name: shapes$/m);
    assert.match(person.said()[0]!.text, /"taken\.sage\.yaml" exists already/);
  });
});

describe('Launch Training', () => {
  const person = aPerson();
  after(closeTabs);

  it('says what will run and where, and launches nothing when the answer is no', async () => {
    const config = writeConfig('asked', tiny.replace('name: tiny', 'name: asked'));
    person.willAnswer(undefined);
    assert.equal(await call('launch', config), undefined);
    const [question] = person.said();
    assert.equal(question!.text, 'Launch the training "asked"?');
    for (const part of [
      'Model: shapes (onnx), kernel sage',
      '4 iterations of 4 rollouts: 2 prompts × 2 generations',
      `Runs folder: ${path.join(folder(), 'runs')}`,
      'asked.sage.yaml',
    ])
      assert.ok(question!.detail.includes(part), `${part} is not in:\n${question!.detail}`);
    assert.ok(!runNames().some((run) => run.startsWith('asked')));
  });

  it('trains, and gives the id of the run', async () => {
    const run = await finishedRun();
    const { status, name, config } = recordOf(run);
    assert.deepEqual([status, name], ['finished', 'short']);
    assert.deepEqual((config.rollout as Record<string, unknown>).generations, 2);
    assert.equal(eventsOf(run).filter(({ kind }) => kind === 'iteration').length, 4);
    assert.ok(existsSync(path.join(runFolder(run), 'rollouts', '000004', 'p00-g0.mp4')));
  });

  it('names the place of an error in a config, which is underlined there, and launches nothing', async () => {
    const config = writeConfig('wrong', tiny.replace('generations: 2', 'generations: two'));
    const launching = person.closes(call('launch', { config, confirm: false }));
    const { kind, text } = await person.hears(/wrong\.sage\.yaml:7:/);
    assert.equal(kind, 'Error');
    assert.match(text, /generations/);
    assert.equal(await launching, undefined);
    await vscode.window.showTextDocument(config);
    const [diagnostic] = await eventually('it is underlined', () => {
      const found = vscode.languages.getDiagnostics(config);
      return found.length > 0 && found;
    });
    assert.equal(diagnostic!.range.start.line, 6);
    assert.ok(!runNames().some((run) => run.startsWith('wrong')));
  });
});

describe('what is looked at opens:', () => {
  const person = aPerson();
  before(studio);
  after(closeTabs);

  it('Open Dashboard, one tab for a run', async () => {
    const run = await finishedRun();
    await call('openDashboard', run);
    await call('openDashboard', { run, iteration: 2 });
    await eventually(
      'its title tells the status',
      () => webviewTabs('sage.dashboard')[0]?.label === 'short · finished',
    );
    const [tab, ...more] = webviewTabs('sage.dashboard');
    assert.ok(tab!.isActive);
    assert.deepEqual(more, []);
  });

  it('Compare Runs', async () => {
    const run = await finishedRun();
    const other = copyRun(run, 'other-20260101-000000', { name: 'other' });
    await call('compareRuns', [run, other]);
    await eventually(
      'its title names them',
      () => webviewTabs('sage.compare')[0]?.label === 'Compare: short, other',
      110,
    );
  });

  it('Preview Exploration, beside the editor of the config', async () => {
    const config = writeConfig('previewed');
    await vscode.window.showTextDocument(config, { viewColumn: vscode.ViewColumn.One });
    await call('previewExploration', config);
    const tab = await eventually('its tab is there', () => webviewTabs('sage.schedule')[0]);
    assert.equal(tab.label, 'Exploration: previewed.sage.yaml');
    assert.equal(tab.group.viewColumn, vscode.ViewColumn.Two);
  });

  it('Open Log, at its end', async () => {
    const run = await finishedRun();
    await call('openLog', run);
    const { document, selection } = vscode.window.activeTextEditor!;
    assert.equal(document.uri.fsPath, path.join(runFolder(run), 'engine.log'));
    assert.equal(selection.active.line, document.lineCount - 1);
  });

  it('Doctor, which gives what it found', async () => {
    const found = await call<{ check: string; state: string }[]>('doctor');
    assert.ok(found.length > 3);
    await eventually('its page is open', () => tabs().some(({ label }) => label.includes('SAGE Doctor')));
  });

  it('Set Up PyTorch, which gives the exit code of its terminal', async function () {
    this.timeout(120_000);
    const environment = path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, 'no-environment');
    assert.equal(await call('setupTorch', ['--folder', environment, '--python', 'no-such-python']), 1);
  });

  it('Copy Run Id and Copy Path of Run Folder fill the clipboard', async () => {
    const run = await finishedRun();
    await call('copyRunId', run);
    assert.equal(await vscode.env.clipboard.readText(), run);
    await call('copyRunPath', [run]);
    assert.equal(await vscode.env.clipboard.readText(), runFolder(run));
  });

  it('Open Report, which gives the file that it wrote', async () => {
    const run = await finishedRun();
    const file = await call<string>('openReport', run);
    assert.equal(file, path.join(runFolder(run), 'report.html'));
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/i);
    assert.deepEqual(
      person.said().filter(({ kind }) => kind === 'Error'),
      [],
    );
  });
});

describe('Delete Run', () => {
  const person = aPerson();
  let run: string;
  before(async () => {
    await studio();
    run = copyRun(await finishedRun(), 'spare-20260101-000000', { name: 'spare' });
  });

  it('asks, and deletes nothing when the answer is no', async () => {
    person.willAnswer(undefined);
    await call('deleteRun', run);
    const [question] = person.said();
    assert.equal(question!.text, 'Delete this run?');
    assert.match(question!.detail, /spare/);
    assert.ok(existsSync(path.join(runFolder(run), 'run.json')));
  });

  it('deletes the run it is given and no other', async () => {
    const others = runNames().filter((name) => name !== run);
    // Where the window is not on the same machine, VS Code has no bin.
    person.willAnswer('Move to Bin', ...(vscode.env.remoteName === undefined ? [] : ['Delete Permanently']));
    await call('deleteRun', run);
    assert.deepEqual(runNames(), others);
    const { runs } = await studio();
    await eventually('it is not listed any more', () => runs.get(run) === undefined);
  });

  it('refuses a run that trains, and says why', async () => {
    const busy = await launch('busy', `training.iterations=${endless}`);
    await call('deleteRun', busy);
    assert.match((await person.hears(/^busy-/)).text, /busy-.*(trainer|process)/);
    assert.ok(existsSync(path.join(runFolder(busy), 'run.json')));
    await call('stop', { run: busy, confirm: false });
    await comesToStatus(busy, 'stopped');
  });
});

describe('a wrong argument is answered by an error that says so, and by no exception:', () => {
  const person = aPerson();
  before(studio);
  after(closeTabs);
  const nine = Array.from({ length: 9 }, (_, i) => `run-${i}`);
  const cases: [command: string, argument: unknown, said: RegExp][] = [
    ['launch', '/no/such.sage.yaml', /There is no file "\/no\/such\.sage\.yaml"/],
    ['pause', 'no-such-run', /There is no run "no-such-run"/],
    ['checkpoint', { run: 'no-such-run' }, /There is no run "no-such-run"/],
    ['stop', { run: 'no-such-run', confirm: false }, /There is no run "no-such-run"/],
    ['pause', '../../etc', /is not the id of a run/],
    ['deleteRun', 'no-such-run', /no-such-run: There is no run/],
    ['openReport', 'no-such-run', /There is no run "no-such-run"/],
    ['openLog', 'no-such-run', /There is no run no-such-run any more/],
    ['resume', 'no-such-run', /There is no run no-such-run any more/],
    ['resumeFrom', { run: 'no-such-run', from: 1 }, /There is no run no-such-run any more/],
    ['compareRuns', nine, /2–8 can be compared at once; 9 are chosen/],
  ];
  for (const [command, argument, said] of cases)
    it(`${command} ${JSON.stringify(argument)}`, async () => {
      const before = runNames();
      const answer = person.closes(call(command, argument));
      const { kind } = await person.hears(said);
      assert.notEqual(kind, 'Information');
      assert.equal(await answer, undefined);
      assert.deepEqual(runNames(), before);
    });
});
