/**
 * What an iteration spends outside of the model, the decoder and the judge. Run as a program of its own (by run.ts), so
 * that nothing else of the benchmark is in the process: prints one JSON line.
 *
 *   node --import ./test/bench/instrument-lanes.ts test/bench/overhead.ts ITERATIONS
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { EventOf } from '../../engine/run/events.ts';
import type { Reward } from '../../engine/reward/reward.ts';
import { activities, clock, covered, shareTimes, threadCpu, type Interval, type LaneTimes } from './instrument.ts';
import { median } from './statistics.ts';
import { trainReal } from './training.ts';

export interface OverheadResult {
  iterations: number;
  /** Seconds an iteration, medians; of the three, seconds in which at least one thread is in it. */
  wallSeconds: number;
  modelSeconds: number;
  decodeSeconds: number;
  judgeSeconds: number;
  /** Share of the wall time in which no thread is inside onnxruntime's native `run` and the judge does not run. */
  share: number;
  /** Mean share of the lanes that are not inside `run` while at least one is. It is no part of `share`. */
  idleShare: number;
  /** CPU seconds an iteration that the trainer's thread and the other lanes spend outside of the three. */
  apartCpuSeconds: number;
  /** By the run's own events, where a stage counts whole: (total − rollout − decode − score − update) / total. */
  shareByStages: number;
  /** CPU seconds an iteration of the thread that encodes videos; null where the system does not tell. */
  encodeSeconds: number | null;
  /** `share` as if the encoding thread took its CPU time from the trainer's cores: an upper bound. */
  shareWithEncoding: number | null;
}

/** What an iteration was, and running totals of CPU seconds at its end. */
interface Mark {
  end: number;
  times: LaneTimes;
  judge: Interval[];
  judgeCpu: number;
  mainCpu: number;
  encode: number | null;
}

/** Trains some iterations as the demo does; the first is left out as warm-up. */
export async function measureOverhead(iterations: number): Promise<OverheadResult> {
  const readTimes = shareTimes();
  const judge = { intervals: [] as Interval[], cpu: 0 };
  const marks: Mark[] = [];
  const mark = () => {
    const times = readTimes();
    const encode = encodeCpu(times.threadsCpu);
    const intervals = judge.intervals.splice(0);
    marks.push({ end: clock(), times, judge: intervals, judgeCpu: judge.cpu, mainCpu: threadCpu(), encode });
  };
  const { config, events } = await trainReal(
    // Nothing but iterations between two marks, and the demo's rhythm of written videos.
    [`training.iterations=${iterations + 1}`, 'evaluation.every=0', 'evaluation.max_videos=2', 'checkpoints.every=0'],
    {
      progress: ({ stage }) => void (stage === 'iteration' && mark()),
      wrap: ({ policy, reward }) => ({ policy, reward: timedReward(reward, judge) }),
    },
  );
  const measured = events.filter((event) => event.kind === 'iteration').slice(1);
  return summarise(marks, measured, config.policy.threads);
}

function timedReward(reward: Reward, judge: { intervals: Interval[]; cpu: number }): Reward {
  return {
    ...reward,
    async score(items) {
      const [start, cpu] = [clock(), threadCpu()];
      const scores = await reward.score(items);
      judge.intervals.push([start, clock()]);
      judge.cpu += threadCpu() - cpu;
      return scores;
    },
  };
}

function summarise(marks: readonly Mark[], events: readonly EventOf<'iteration'>[], threads: number): OverheadResult {
  const measured = marks.slice(1).map((mark, i) => {
    const during = (...wanted: readonly (typeof activities)[number][]) =>
      mark.times.lanes.flatMap((lane) => wanted.flatMap((activity) => lane[activity]));
    const running = during(...activities);
    return {
      wall: mark.end - marks[i].end,
      model: covered(during('model')),
      decode: covered(during('decode')),
      judge: covered(mark.judge),
      running: covered(running),
      inAny: covered([...running, ...mark.judge]),
      laneSeconds: running.reduce((sum, [start, end]) => sum + end - start, 0),
    };
  });
  const total = (part: keyof (typeof measured)[number]) => measured.reduce((sum, each) => sum + each[part], 0);
  const each = (part: keyof (typeof measured)[number]) => median(measured.map((mark) => mark[part]));
  const [first, last] = [marks[0], marks.at(-1)!];
  const cpuApart = ({ mainCpu, times, judgeCpu }: Mark) => mainCpu + times.threadsCpu - times.runCpu - judgeCpu;
  const apart = total('wall') - total('inAny');
  const encode = first.encode === null || last.encode === null ? null : last.encode - first.encode;
  const staged = events.reduce((sum, { seconds: s }) => sum + s.rollout + s.decode + s.score + s.update, 0);
  const all = events.reduce((sum, { seconds }) => sum + seconds.total, 0);
  return {
    iterations: events.length,
    wallSeconds: each('wall'),
    modelSeconds: each('model'),
    decodeSeconds: each('decode'),
    judgeSeconds: each('judge'),
    share: apart / total('wall'),
    idleShare: 1 - total('laneSeconds') / (threads * total('running')),
    apartCpuSeconds: (cpuApart(last) - cpuApart(first)) / events.length,
    shareByStages: (all - staged) / all,
    encodeSeconds: encode === null ? null : encode / events.length,
    shareWithEncoding: encode === null ? null : (apart + encode / threads) / total('wall'),
  };
}

/** CPU seconds so far of this process's worker threads but the lanes: those of the encoder, the only other one. */
function encodeCpu(lanes: number): number | null {
  if (process.platform !== 'linux') return null;
  const ticks = readdirSync('/proc/self/task')
    .map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8'))
    .filter((stat) => stat.includes('(WorkerThread)'))
    .reduce((sum, stat) => {
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + Number(fields[11]) + Number(fields[12]);
    }, 0);
  return ticks / 100 - lanes;
}

if (process.argv[1] === import.meta.filename) {
  console.log(JSON.stringify(await measureOverhead(Number(process.argv[2] ?? 10))));
}
