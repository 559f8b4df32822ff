import { describe, expect, it } from 'vitest';
import { emptySeries, seriesOfIteration, type RunGlance, type RunViewChange } from '../../../engine/protocol.ts';
import type { EventOf } from '../../../engine/run/events.ts';
import { createRelay, mergeChanges, type Observer, type Relayed } from '../../../src/views/panels/relay.ts';
import { iterationEvent } from '../run/sample-run.ts';

const glance = { id: 'a', status: 'running' } as RunGlance;

function change(iteration: number): RunViewChange {
  return {
    ...{ glance: { ...glance, iterations: iteration }, checkpoints: [], health: [] },
    ...{ videosPerSecond: iteration, secondsLeft: null, evaluations: [] },
    series: seriesOfIteration(iterationEvent(iteration) as EventOf<'iteration'>),
    anchors: [{ iteration, updates: iteration * 4 }],
    written: [{ kind: 'rollouts', iteration, videos: 8 }],
  };
}
const view = { ...change(0), series: emptySeries(), anchors: [], written: [] };
const settle = () => new Promise((done) => setTimeout(done, 5));

/** A relay to a page that takes a message when it is told to. */
function slowPage() {
  const got: Relayed[] = [];
  const taken: (() => void)[] = [];
  const observers: Observer[] = [];
  let open = 0;
  const relay = createRelay(
    (observer) => {
      observers.push(observer);
      open += 1;
      return { dispose: () => void (open -= 1) };
    },
    (message) => new Promise<void>((resolve) => void (got.push(message), taken.push(resolve))),
    () => 0,
  );
  return { relay, got, observers, take: () => taken.shift()!(), open: () => open };
}

describe('what is passed on of a run', () => {
  it('comes to a slow page as one change, with nothing lost or doubled', async () => {
    const { relay, got, observers, take } = slowPage();
    relay.start();
    observers[0].onView(view);
    for (let iteration = 1; iteration <= 20; iteration++) observers[0].onChange(change(iteration));
    await settle();
    expect(got.map(({ type }) => type)).toEqual(['view']);
    take();
    await settle();
    const all = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(got).toHaveLength(2);
    const { change: merged } = got[1] as Extract<Relayed, { type: 'change' }>;
    expect(merged.series.last).toEqual(all);
    expect(merged.series.scalars.reward.mean).toEqual(all.map((i) => 0.4 + i / 100));
    expect(merged.anchors.map(({ iteration }) => iteration)).toEqual(all);
    expect(merged.written).toHaveLength(20);
    expect(merged.glance.iterations).toBe(20);
    take();
    await settle();
    expect(got).toHaveLength(2);
  });

  it('forgets changes that a new view makes void', async () => {
    const { relay, got, observers, take } = slowPage();
    relay.start();
    observers[0].onView(view);
    observers[0].onChange(change(1));
    observers[0].onView(view);
    take();
    take();
    await settle();
    expect(got.map(({ type }) => type)).toEqual(['view', 'view']);
  });

  it('does not wait for a page that has gone, and nothing of it reaches the next one', async () => {
    const { relay, got, observers, open } = slowPage();
    relay.start();
    observers[0].onView(view);
    observers[0].onChange(change(1));
    relay.stop();
    expect(open()).toBe(0);
    relay.start();
    observers[0].onChange(change(2));
    observers[0].onProblem({ code: 'run/late', message: '', remedy: '', place: {} });
    await settle();
    expect(got).toHaveLength(1);
    observers[1].onView(view);
    await settle();
    expect(got.map(({ type }) => type)).toEqual(['view', 'view']);
    expect(open()).toBe(1);
  });

  it('is observed once, however often the page says that it listens', () => {
    const { relay, observers, open } = slowPage();
    for (let i = 0; i < 100; i++) relay.start();
    expect([observers.length, open()]).toEqual([1, 1]);
    observers[0].onView(view);
    relay.start();
    expect([observers.length, open()]).toEqual([2, 1]);
  });

  it('goes on after a problem when the engine tells a view again', async () => {
    const { relay, got, observers, take } = slowPage();
    relay.start();
    observers[0].onProblem({ code: 'run/unknown', message: 'Gone.', remedy: 'Look.', place: {} });
    expect(relay.ended).toBe(true);
    take();
    observers[0].onView(view);
    await settle();
    expect(relay.ended).toBe(false);
    expect(got.map(({ type }) => type)).toEqual(['problem', 'view']);
  });
});

describe('changes that are joined', () => {
  it('are as if they had come one after the other', () => {
    const joined = [1, 2, 3].map(change).reduce(mergeChanges);
    expect(joined.series.last).toEqual([1, 2, 3]);
    expect(joined.videosPerSecond).toBe(3);
  });
});
