import { describe, expect, it } from 'vitest';
import { compareState, fromCompare } from '../../../webview/contract/compare.ts';
import {
  dashboardQuestions,
  dashboardState,
  fromDashboard,
  type FromDashboard,
} from '../../../webview/contract/dashboard.ts';
import { fromVideo } from '../../../webview/contract/video.ts';
import { engineError } from '../../../src/engine/problems.ts';
import { checkedMessages, oneAtATime } from '../../../src/views/panels/messages.ts';
import { questioning, type Reply } from '../../../src/views/panels/questions.ts';
import { emptySeries } from '../../../engine/protocol.ts';

function logBook() {
  const lines: string[] = [];
  const write = (message: string) => void lines.push(message);
  return { lines, log: { trace: write, info: write, warn: write, error: write } };
}

const hostile: unknown[] = [
  ...[null, undefined, 1, 'ready', [], {}, { type: 'ready' }, { type: 'ready', version: 99 }],
  ...[
    { type: '__proto__' },
    { type: 'action', action: 'rm -rf /' },
    { type: 'action', action: 'resume', iteration: -1 },
  ],
  ...[
    { type: 'ask', id: 1, question: 'toString', params: {} },
    { type: 'ask', id: '1', question: 'series' },
  ],
  ...[
    { type: 'openVideo', kind: 'rollouts', iteration: 1.5, file: 'x' },
    { type: 'copy', text: 'x'.repeat(100_001) },
  ],
  ...[
    { type: 'save', name: 'x', format: 'exe', data: '' },
    { type: 'save', name: 'x'.repeat(201), format: 'csv', data: '' },
  ],
  ...[
    { type: 'openDashboard', run: '../x' },
    { type: 'openDashboard', run: 'a\u0000b' },
  ],
];

describe('messages of a webview', () => {
  it('are dropped when no contract knows them', () => {
    for (const contract of [fromDashboard, fromCompare, fromVideo])
      for (const message of hostile.filter((one) => !JSON.stringify(one)?.includes('openDashboard')))
        expect(contract.safeParse(message).success, JSON.stringify(message)?.slice(0, 100)).toBe(false);
    for (const message of hostile.slice(-2)) expect(fromCompare.safeParse(message).success).toBe(false);
  });

  it('are counted in the log now and then, without what they hold', () => {
    const { lines, log } = logBook();
    let clock = 0;
    const handled: unknown[] = [];
    const receive = checkedMessages(fromDashboard, (message) => void handled.push(message), {
      ...{ log, from: 'Dashboard', now: () => clock },
    });
    for (let i = 0; i < 1000; i++) receive({ type: 'secret-token' });
    expect(lines).toEqual(['Dashboard: 1 message that the contract does not know dropped']);
    clock = 10_001;
    receive({ type: 'secret-token' });
    expect(lines[1]).toBe('Dashboard: 1000 messages that the contract does not know dropped');
    receive({ type: 'ready', version: 1 });
    expect(handled).toEqual([{ type: 'ready', version: 1 }]);
    expect(lines.join()).not.toContain('secret');
  });

  it('cannot break the host by what their handling throws', async () => {
    const { lines, log } = logBook();
    const receive = checkedMessages<FromDashboard>(
      fromDashboard,
      ({ type }) => {
        if (type === 'ready') throw new Error('at once');
        return Promise.reject(new Error('later'));
      },
      { log, from: 'Dashboard' },
    );
    receive({ type: 'ready', version: 1 });
    receive({ type: 'copy', text: '' });
    await new Promise((done) => setImmediate(done));
    expect(lines).toEqual(['Dashboard: at once', 'Dashboard: later']);
  });

  it('open one dialog at a time, however many ask for it', async () => {
    let open = 0;
    let most = 0;
    let times = 0;
    const dialog = oneAtATime(async () => {
      open += 1;
      times += 1;
      most = Math.max(most, open);
      await new Promise((done) => setImmediate(done));
      open -= 1;
    });
    await Promise.all(Array.from({ length: 50 }, () => dialog()));
    expect([most, times]).toEqual([1, 1]);
    await dialog();
    expect(times).toBe(2);
  });
});

describe('questions of a webview', () => {
  const range = { first: 0, last: 10, columns: 100 };
  const settle = () => new Promise((done) => setImmediate(done));

  function asked(answer: (signal: AbortSignal) => Promise<ReturnType<typeof emptySeries>>) {
    const replies: Reply[] = [];
    const one = questioning(
      { series: dashboardQuestions.series },
      { series: (_, signal) => answer(signal) },
      (reply) => void replies.push(reply),
    );
    return { replies, ...one };
  }

  it('that flood are answered four at a time; the rest waits or is refused', async () => {
    const open: (() => void)[] = [];
    let most = 0;
    const { ask, replies } = asked(
      () =>
        new Promise(
          (done) =>
            (most = Math.max(
              most,
              open.push(() => done(emptySeries())),
            )),
        ),
    );
    for (let id = 0; id < 1000; id++) ask({ id, question: 'series', params: range });
    expect(most).toBe(4);
    expect(replies).toHaveLength(1000 - 64);
    expect(replies[0]).toMatchObject({ type: 'refusal', problem: { code: 'panel/too-many-questions' } });
    for (let i = 0; i < 64; i++) {
      open[i]();
      await settle();
    }
    expect(replies.filter(({ type }) => type === 'answer').map(({ id }) => id)).toEqual([...Array(64).keys()]);
  });

  it('with wrong params are refused and never reach the engine', async () => {
    let reached = 0;
    const { ask, replies } = asked(async () => {
      reached += 1;
      return emptySeries();
    });
    for (const params of [null, {}, { ...range, columns: 1e9 }, { ...range, first: 'x' }])
      ask({ id: 7, question: 'series', params });
    await settle();
    expect(replies).toHaveLength(4);
    expect(replies.every((reply) => reply.type === 'refusal' && reply.problem.code === 'panel/bad-params')).toBe(true);
    expect(reached).toBe(0);
  });

  it('are refused with what the engine said', async () => {
    const problem = { code: 'run/unknown', message: 'No such run.', remedy: 'Look.', place: {} } as const;
    const { ask, replies } = asked(() => Promise.reject(engineError(problem)));
    ask({ id: 1, question: 'series', params: range });
    await settle();
    expect(replies).toEqual([{ type: 'refusal', id: 1, problem }]);
  });

  it('of a page that is gone are cancelled and get no reply', async () => {
    const signals: AbortSignal[] = [];
    const { ask, forget, replies } = asked(
      (signal) =>
        new Promise((_, refuse) => {
          signals.push(signal);
          signal.addEventListener('abort', () => refuse(new Error('aborted')));
        }),
    );
    for (let id = 0; id < 10; id++) ask({ id, question: 'series', params: range });
    forget();
    await settle();
    expect(signals).toHaveLength(4);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(replies).toEqual([]);
  });
});

describe('what webviews keep over a reload', () => {
  it('names runs by their ids and nothing else', () => {
    expect(dashboardState.safeParse({ run: 'shapes-20260101-000000', tab: 'reward' }).success).toBe(true);
    expect(compareState.safeParse({ runs: ['a', 'b'] }).success).toBe(true);
    for (const state of [undefined, null, {}, { run: 1 }, { run: '../../etc' }, { run: '/etc' }])
      expect(dashboardState.safeParse(state).success).toBe(false);
    for (const state of [{}, { runs: [] }, { runs: Array(9).fill('a') }, { runs: ['..'] }])
      expect(compareState.safeParse(state).success).toBe(false);
  });
});
