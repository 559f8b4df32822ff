import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { emptySeries } from '../../../engine/protocol.ts';
import { observeRun, type RunSink } from '../../../src/engine/observe.ts';
import { until } from '../../e2e/support.ts';
import { impostor, openClient } from './client.ts';

const glance = {
  ...{ id: 'a', folder: '/runs/a', broken: null, name: 'a', status: 'running', message: null, created: null },
  ...{ iterations: 0, iterationsPlanned: null, reward: null, secondsPerIteration: null, lastSeq: 0, updated: null },
};
const view = {
  ...{ glance, checkpoints: [], health: [], videosPerSecond: null, secondsLeft: null },
  ...{ series: emptySeries(), evaluations: [], anchors: [], written: [] },
};

/** `tell(observation, method, iterations)` sends a view, or a change, with that many iterations. */
const telling = `
const view = ${JSON.stringify(view)};
const tell = (observation, method, iterations) => {
  const told = { ...view, glance: { ...view.glance, iterations } };
  send({ method, params: { observation, ...(method === 'run/view' ? { view: told } : { change: told }) } });
};
let last = existsSync('died') ? 0 : 40;
`;

/** All that came of an observation, in its order. */
function keep(): { sink: RunSink; came: string[] } {
  const came: string[] = [];
  return {
    came,
    sink: {
      view: ({ glance }) => void came.push(`view ${glance.iterations}`),
      change: ({ glance }) => void came.push(`change ${glance.iterations}`),
      unobservable: ({ code }) => void came.push(code),
      waiting: ({ kind }) => void came.push(kind),
    },
  };
}

/** Names of what the impostor wrote down by `first`. */
const noted = (folder: string, name: string) => existsSync(path.join(folder, name));

describe('what the engine tells of a run comes in its order', () => {
  const others = "tell(7, 'run/view', 700); tell(7, 'run/viewChanged', 701);";

  test.each([
    [
      'before the answer that tells its number',
      `tell(last, 'run/view', 1); ${others} tell(last, 'run/viewChanged', 2);`,
      '',
    ],
    ['right behind it', '', `tell(last, 'run/view', 1); ${others} tell(last, 'run/viewChanged', 2);`],
    ['on both sides of it', `${others} tell(last, 'run/view', 1);`, `tell(last, 'run/viewChanged', 2);`],
  ])('%s', async (_, before, behind) => {
    const program = impostor(`${telling}
      handlers['run/observe'] = (_, { id }) => {
        last += 1;
        ${before}
        send({ id, result: { observation: last } });
        ${behind}
        tell(last, 'run/viewChanged', 3);
      };
      handlers['run/unobserve'] = ({ observation }) => (first('unobserved-' + observation), {});`);
    const { engine } = openClient(() => program.command);
    const { sink, came } = keep();
    const observed = observeRun(engine, 'a', 500, sink);
    await until(() => came.at(-1) === 'change 3');
    expect(came).toEqual(['stopped', 'starting', 'view 1', 'change 2', 'change 3']);
    observed.dispose();
    await until(() => noted(program.folder, 'unobserved-41'));
    await engine.stop();
    expect(came).toHaveLength(5);
  });
});

test('an observation goes on with the next process, under its new number, from a whole view', async () => {
  const program = impostor(`${telling}
    handlers['run/observe'] = (params, { id }) => {
      if (params.run !== 'a' || params.columns !== 200) return;
      send({ id, result: { observation: ++last } });
      tell(last, 'run/view', last);
      if (first('died')) setTimeout(() => process.exit(1), 50);
    };
    handlers['run/unobserve'] = ({ observation }) => (first('unobserved-' + observation), {});`);
  const { engine } = openClient(() => program.command);
  const { sink, came } = keep();
  const observed = observeRun(engine, 'a', 200, sink);
  await until(() => came.at(-1) === 'view 1');
  expect(came).toEqual(['stopped', 'starting', 'view 41', 'backoff', 'starting', 'view 1']);
  observed.dispose();
  await until(() => noted(program.folder, 'unobserved-1'));
  expect(noted(program.folder, 'unobserved-41')).toBe(false);
  await engine.stop();
});

test('a process that ends while it is asked leaves one observation at the next, not two', async () => {
  const program = impostor(`${telling}
    let asked = 0;
    handlers['run/observe'] = (_, { id }) => {
      if (first('died')) process.exit(1);
      first('asked-' + ++asked);
      send({ id, result: { observation: ++last } });
      tell(last, 'run/view', last);
    };`);
  const { engine } = openClient(() => program.command);
  const { sink, came } = keep();
  const observed = observeRun(engine, 'a', 500, sink);
  await until(() => came.some((each) => each.startsWith('view')));
  await engine.request('engine/ping', {});
  expect(came).toEqual(['stopped', 'starting', 'backoff', 'starting', 'view 1']);
  expect([noted(program.folder, 'asked-1'), noted(program.folder, 'asked-2')]).toEqual([true, false]);
  observed.dispose();
  await engine.stop();
});

test('an observation that is given up before it is answered is given back', async () => {
  const program = impostor(`${telling}
    handlers['run/observe'] = (_, { id }) => {
      first('asked');
      setTimeout(() => (send({ id, result: { observation: 9 } }), tell(9, 'run/view', 9)), 100);
    };
    handlers['run/unobserve'] = ({ observation }) => (first('unobserved-' + observation), {});`);
  const { engine } = openClient(() => program.command);
  const { sink, came } = keep();
  const observed = observeRun(engine, 'a', 500, sink);
  await until(() => noted(program.folder, 'asked'));
  observed.dispose();
  await until(() => noted(program.folder, 'unobserved-9'));
  expect(came).toEqual(['stopped', 'starting']);
  await engine.stop();
});

test('a run that cannot be read, or no longer, is told once, and tried again with the next process', async () => {
  const problem = { code: 'run/unknown', message: 'It is gone.', remedy: '', place: {} };
  const { message, ...data } = problem;
  const program = impostor(`${telling}
    handlers['run/observe'] = (_, { id }) => {
      if (!existsSync('refused')) return void (first('refused'), send({ id, error: { code: 1, message: '${message}', data: ${JSON.stringify(data)} } }));
      send({ id, result: { observation: 3 } });
      tell(3, 'run/view', 3);
      send({ method: 'run/unobservable', params: { observation: 3, problem: ${JSON.stringify(problem)} } });
      tell(3, 'run/viewChanged', 4);
    };`);
  const { engine } = openClient(() => program.command);
  const { sink, came } = keep();
  const observed = observeRun(engine, 'a', 500, sink);
  await until(() => came.at(-1) === 'run/unknown');
  await engine.restart();
  await until(() => came.at(-1) === 'run/unknown');
  await engine.request('engine/ping', {});
  expect(came).toEqual([
    'stopped',
    'starting',
    'run/unknown',
    'stopping',
    'stopped',
    'starting',
    'view 3',
    'run/unknown',
  ]);
  observed.dispose();
  await engine.stop();
});

test('an engine that has crashed already is told, and its next start is not missed', async () => {
  const program = impostor(`${telling}
    if (!existsSync('mended')) process.exit(1);
    handlers['run/observe'] = (_, { id }) => (send({ id, result: { observation: 1 } }), tell(1, 'run/view', 5));`);
  const { engine } = openClient(() => program.command);
  await engine.start().catch(() => {});
  const { sink, came } = keep();
  const observed = observeRun(engine, 'a', 500, sink);
  expect(came).toEqual(['crashed']);
  writeFileSync(path.join(program.folder, 'mended'), '');
  await engine.start();
  await until(() => came.at(-1) === 'view 5');
  observed.dispose();
  await engine.stop();
});
