import { describe, expect, it } from 'vitest';
import type { RunGlance } from '../../../engine/protocol.ts';
import { commandTraits, contextOf, denials, fits, kindOf, type RunCommand } from '../../../src/runs/kinds.ts';
import {
  ageText,
  bytesText,
  descriptionOf,
  durationText,
  escapeMarkdown,
  labelOf,
  pickDescription,
  secondsLeft,
  spokenDescription,
  tooltipOf,
} from '../../../src/runs/describe.ts';
import { withChanges } from '../../../src/runs/list.ts';
import { matches } from '../../../src/runs/filter.ts';
import { statusLine } from '../../../src/runs/status.ts';
import { endings } from '../../../src/runs/transitions.ts';
import { changedRuns, iterationsIn } from '../../../src/views/runs/nodes.ts';
import { runArguments } from '../../../src/commands/arguments.ts';
import type { Words } from '../../../src/runs/words.ts';

const words: Words = {
  t: (message, ...values) => message.replace(/\{(\d)\}/g, (_, i) => String(values[Number(i)])),
};
const now = Date.parse('2026-11-22T22:00:00Z');

function runWith(changes: Partial<RunGlance>): RunGlance {
  return {
    id: 'shapes-20261122-210659',
    folder: '/w/runs/shapes-20261122-210659',
    broken: null,
    name: 'shapes',
    status: 'running',
    message: null,
    created: '2026-11-22T21:00:00Z',
    iterations: 23,
    iterationsPlanned: 60,
    reward: 1.3149,
    secondsPerIteration: 3.2,
    lastSeq: 50,
    updated: '2026-11-22T21:59:58Z',
    ...changes,
  };
}

const broken = runWith({
  broken: '/w/runs/shapes-20261122-210659/run.json: not JSON',
  status: null,
  name: null,
  created: null,
  iterations: 0,
});

describe('what a run says of itself', () => {
  it('names progress, reward and the time left of a running run', () => {
    expect(descriptionOf(runWith({}), words)).toBe('iteration 23/60 · reward 1.31 · 2 min left');
  });

  it('names the status of a run that does not run, and no time left', () => {
    const run = runWith({ status: 'crashed' });
    expect(descriptionOf(run, words)).toBe('crashed · 23/60 · reward 1.31');
    expect(secondsLeft(run)).toBeNull();
  });

  it('is short for a finished run, whose icon says the rest, and complete where there is no icon', () => {
    const run = runWith({ status: 'finished', iterations: 60 });
    expect(descriptionOf(run, words)).toBe('60 iterations · reward 1.31');
    expect(spokenDescription(run, words)).toBe('shapes, finished, 60 iterations · reward 1.31');
    expect(pickDescription(run, now, words)).toBe('finished · 60 iterations · reward 1.31 · 1 h ago');
  });

  it('leaves out what is not known', () => {
    const run = runWith({ iterations: 0, iterationsPlanned: null, reward: null, secondsPerIteration: null });
    expect(descriptionOf(run, words)).toBe('iteration 0');
  });

  it('says of a damaged run that it cannot be read, and why', () => {
    expect(descriptionOf(broken, words)).toBe('cannot be read: run.json: not JSON');
    expect(tooltipOf(broken, now, words)).toContain('run\\.json\\: not JSON');
  });

  it('adds status and age where runs are chosen from', () => {
    expect(pickDescription(runWith({}), now, words)).toBe(
      'running · iteration 23/60 · reward 1.31 · 2 min left · 1 h ago',
    );
  });

  it.each([
    [0, '1 s'],
    [40, '40 s'],
    [59.7, '60 s'],
    [90, '2 min'],
    [4800, '1 h 20 min'],
    [3600, '1 h'],
    [11 * 3600 + 60, '11 h'],
    [3 * 86400, '3 d'],
  ])('writes %d seconds as %s', (seconds, text) => expect(durationText(seconds, words)).toBe(text));

  it('gives ages in words, and times that are none as they stand', () => {
    expect(ageText('2026-11-22T21:59:30Z', now, words)).toBe('just now');
    expect(ageText('2026-11-22T21:50:00Z', now, words)).toBe('10 min ago');
    expect(ageText('yesterday', now, words)).toBe('yesterday');
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [2_400_000, '2.4 MB'],
    [24_000_000, '24 MB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it('keeps names from becoming links, HTML, images or icons in tooltips', () => {
    const name = '[x](command:sage.deleteRun) <img src=x onerror=y> $(bug) ![i](http://a.b)\n# h `c` &lt;';
    const text = escapeMarkdown(name);
    expect(text).not.toMatch(/(?<!\\)[[\](`#$!]/);
    expect(text).not.toMatch(/[<>\n]/);
    expect(text).not.toMatch(/&(?!amp;|lt;|gt;)/);
    expect(tooltipOf(runWith({ name, message: name }), now, words)).not.toMatch(/<img|\]\(command:/);
  });
});

describe('the commands that fit a run', () => {
  const commandsOf = (run: RunGlance) => (Object.keys(commandTraits) as RunCommand[]).filter((c) => fits(c, run));

  it.each([
    ['running', ['pause', 'checkpoint', 'stop', 'killTrainer']],
    ['paused', ['continue', 'checkpoint', 'stop', 'killTrainer']],
    ['stopped', ['resume', 'resumeFrom', 'deleteRun']],
    ['crashed', ['resume', 'resumeFrom', 'deleteRun']],
    ['failed', ['resume', 'resumeFrom', 'deleteRun']],
    ['finished', ['resumeFrom', 'deleteRun']],
  ] as const)('a %s run can be steered by %j', (status, expected) => {
    const steering: RunCommand[] = ['pause', 'continue', 'checkpoint', 'stop', 'killTrainer', 'resume', 'resumeFrom'];
    const found = commandsOf(runWith({ status })).filter((c) => [...steering, 'deleteRun'].includes(c));
    expect(found).toEqual(expected);
  });

  it('a damaged run can be looked for, read as text, and deleted, and nothing else', () => {
    expect(kindOf(broken)).toBe('broken');
    expect(commandsOf(broken)).toEqual(['revealRunFolder', 'openLog', 'copyRunId', 'copyRunPath', 'deleteRun']);
  });

  it('menus see the status and all traits as words', () => {
    expect(contextOf(runWith({ status: 'finished' }))).toBe('run finished ended readable deletable');
    expect(contextOf(broken)).toBe('run broken deletable');
  });

  it('nothing is denied while runs are not known', () => {
    expect(Object.values(denials(null))).not.toContain(true);
  });

  it('denies what no run is fit for', () => {
    const keys = denials([runWith({ status: 'finished', iterations: 60 })]);
    expect(Object.keys(keys).filter((key) => keys[key])).toEqual([
      ...['sage.noneRunning', 'sage.nonePaused', 'sage.noneActive', 'sage.noneResumable', 'sage.hasTrained'],
    ]);
    expect(denials([])['sage.noRuns']).toBe(true);
  });
});

describe('the filter of runs', () => {
  const run = runWith({});
  it.each([
    ['', true],
    ['SHAPES', true],
    ['shapes 1122', true],
    ['shapes flow', false],
    ['running', true],
    ['finished', false],
    ['finished running', true],
    ['running flow', false],
  ])('%j matches a running run "shapes": %s', (filter, expected) => expect(matches(filter, run)).toBe(expected));
});

describe('the status bar', () => {
  const older = runWith({ id: 'a', name: 'a' });
  const newer = runWith({ id: 'b', name: 'b' });
  const ended = runWith({ id: 'c', name: 'c', status: 'finished' });

  it('is empty when nothing runs', () => {
    expect(statusLine([ended], null, words)).toBeNull();
    expect(statusLine([ended], 'c', words)).toBeNull();
  });

  it('speaks of the newest run that runs, and of how many there are', () => {
    expect(statusLine([ended, newer, older], null, words)).toMatchObject({
      run: 'b',
      text: 'SAGE: b 23/60 · reward 1.31 · 2 min (+1)',
      label: 'SAGE run b, iteration 23/60, reward 1.31, 2 min left, 2 runs are active',
    });
  });

  it('prefers the run of the dashboard in front', () => {
    expect(statusLine([newer, older], 'a', words)?.run).toBe('a');
    expect(statusLine([ended, newer], 'c', words)?.run).toBe('b');
  });

  it('says that a run is paused', () => {
    expect(statusLine([{ ...newer, status: 'paused' }], null, words)?.text).toBe(
      'SAGE: b 23/60 · reward 1.31 · paused',
    );
  });
});

describe('news of ended runs', () => {
  it('are of runs that were active, once', () => {
    const running = runWith({});
    const crashed = runWith({ status: 'crashed' });
    expect(endings([running], [crashed])).toEqual([{ run: crashed, how: 'crashed' }]);
    expect(endings([crashed], [crashed])).toEqual([]);
    expect(endings(null, [crashed])).toEqual([]);
    expect(endings([], [crashed])).toEqual([]);
  });

  it('do not speak of a run that was stopped on purpose or goes on', () => {
    expect(endings([runWith({})], [runWith({ status: 'stopped' })])).toEqual([]);
    expect(endings([runWith({})], [runWith({ status: 'paused' })])).toEqual([]);
  });
});

describe('the list of runs', () => {
  const older = runWith({ id: 'a', created: '2026-11-22T20:00:00Z' });
  const newer = runWith({ id: 'b', created: '2026-11-22T21:00:00Z' });
  const ids = (runs: RunGlance[]) => runs.map(({ id }) => id);

  it('stays newest first, with damaged runs last, as runs come and change', () => {
    const newest = runWith({ id: 'c', created: '2026-11-22T22:00:00Z' });
    const changed = withChanges([newer, older], {
      changed: [broken, newest, { ...older, iterations: 24 }],
      removed: [],
    });
    expect(ids(changed)).toEqual(['c', 'b', 'a', broken.id]);
    expect(changed[2].iterations).toBe(24);
  });

  it('forgets runs that are gone', () => {
    expect(ids(withChanges([newer, older], { changed: [], removed: ['b'] }))).toEqual(['a']);
  });

  it('is shown whole when runs came or went, else only where it changed', () => {
    expect(changedRuns([newer, older], [newer])).toBe('all');
    expect(changedRuns([newer, older], [older, newer])).toBe('all');
    expect(changedRuns([newer, older], [newer, { ...older, lastSeq: 51 }])).toEqual(['a']);
    expect(changedRuns([newer, older], [newer, older])).toEqual([]);
  });
});

describe('nodes of the tree', () => {
  it('are the iterations with videos, newest first, and no other folder', () => {
    const names = ['000010', '000002', 'x', '12', '1000000'];
    const entries = [...names.map((name) => ({ name, kind: 'folder' })), { name: '000003', kind: 'file' }];
    expect(iterationsIn(entries)).toEqual([1000000, 10, 2]);
  });
});

describe('arguments of commands', () => {
  const cases: [string, unknown, unknown, string[], number | null][] = [
    ['nothing', undefined, undefined, [], null],
    ['an id', 'a', undefined, ['a'], null],
    ['ids', ['a', 'b', 'a'], undefined, ['a', 'b'], null],
    ['a run and a checkpoint', { run: 'a', from: 20 }, undefined, ['a'], 20],
    ['an item of the tree', { kind: 'checkpoint', run: 'a', iteration: 20 }, undefined, ['a'], 20],
    ['the selection', { kind: 'run', run: 'a' }, [{ run: 'b' }, { run: 'a' }], ['b', 'a'], null],
    ['an item beside the selection', { run: 'c' }, [{ run: 'a' }, { run: 'b' }], ['c'], null],
    ['the dashboard in front', { of: 'dashboard' }, undefined, ['front'], null],
    ['junk', { run: { run: 3 } }, 'x', [], null],
  ];
  it.each(cases)('are read from %s', (_, argument, selection, runs, iteration) =>
    expect(runArguments(argument, selection, 'front')).toEqual({ runs, iteration }),
  );
});

it('nothing in a name is a link where it is shown, so that no click on it runs a command', () => {
  // As the editor finds links in notifications.
  const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/gi;
  const name = 'done. [Details](command:workbench.action.terminal.new) [x](https://example.org)';
  expect(name.match(link)).toHaveLength(2);
  const label = labelOf(runWith({ name }));
  expect(label.match(link)).toBeNull();
  expect(label.replaceAll('\u200b', '')).toBe(name);
});
