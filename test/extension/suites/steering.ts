import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { aPerson } from '../host/person.ts';
import {
  checkpointsOf,
  comesToStatus,
  endless,
  eventsOf,
  launch,
  progressOf,
  recordOf,
  trainerOf,
} from '../host/runs.ts';
import { eventually, isAlive, studio } from '../host/studio.ts';

const call = <T>(command: string, ...args: unknown[]) => vscode.commands.executeCommand<T>(`sage.${command}`, ...args);

describe('a run is steered by', () => {
  const person = aPerson();
  let run: string;
  before(async () => {
    await studio();
    run = await launch('steered', `training.iterations=${endless}`, 'checkpoints.every=0');
  });
  after(async () => {
    // It has no more to show.
    if ((await trainerOf(run)) !== null) await call('stop', { run, confirm: false });
    await comesToStatus(run, 'stopped');
  });

  it('Pause: after an iteration it writes a checkpoint and rests', async () => {
    assert.ok(await call('pause', run));
    await comesToStatus(run, 'paused');
    const { iterations } = progressOf(run);
    assert.deepEqual(checkpointsOf(run), [iterations]);
  });

  it('Continue', async () => {
    const { iterations } = progressOf(run);
    await call('continue', [run]);
    await comesToStatus(run, 'running');
    await eventually('iterations are done', () => progressOf(run).iterations > iterations + 1);
  });

  it('Checkpoint Now', async () => {
    const before = checkpointsOf(run).at(-1)!;
    await call('checkpoint', { run });
    await eventually('another checkpoint is whole', () => checkpointsOf(run).at(-1)! > before);
    assert.equal(recordOf(run).status, 'running');
  });

  it('Stop, after a question: with a checkpoint of where it was', async () => {
    const pid = await trainerOf(run);
    person.willAnswer(undefined);
    assert.equal(await call('stop', run), undefined);
    assert.match(person.said()[0]!.text, /^Stop steered\?$/);
    assert.equal(recordOf(run).status, 'running');
    person.willAnswer('Stop After This Iteration');
    await call('stop', run);
    await comesToStatus(run, 'stopped');
    await eventually('the trainer is gone', async () => !(await isAlive(pid!)));
    assert.equal(checkpointsOf(run).at(-1), progressOf(run).iterations);
  });

  it('Resume: from its newest checkpoint, as the same run', async () => {
    const { iterations } = progressOf(run);
    assert.equal(await call('resume', run), run);
    await eventually('it goes on', () => progressOf(run).iterations > iterations);
    assert.equal(eventsOf(run).findLast(({ kind }) => kind === 'run_resumed')!.fromIteration, iterations);
  });

  it('Kill Trainer, after a question: the run then counts as crashed', async () => {
    const { runs } = await studio();
    const pid = await trainerOf(run);
    await eventually('it is seen running', () => runs.get(run)?.status === 'running');
    person.willAnswer('Kill');
    await call('killTrainer', run);
    assert.equal(await isAlive(pid!), false);
    await eventually('it is crashed', () => runs.get(run)?.status === 'crashed');
    await person.hears(/^The trainer of steered has died at iteration \d+\/100000\.$/);
  });

  it('Resume from Checkpoint, after it has said what is discarded', async () => {
    const [from] = checkpointsOf(run);
    const { iterations } = progressOf(run);
    assert.ok(from! < iterations);
    person.willAnswer('Resume');
    assert.equal(await call('resumeFrom', { run, from }), run);
    assert.match(person.said()[0]!.detail, new RegExp(`${iterations}.* (is|are) discarded`));
    const resumed = await eventually('it is resumed', () =>
      eventsOf(run).findLast(({ kind }) => kind === 'run_resumed'),
    );
    assert.equal(resumed.fromIteration, from);
    assert.ok(!checkpointsOf(run).some((iteration) => iteration > from! && iteration <= iterations));
  });
});
