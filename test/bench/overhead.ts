/**
 * What an iteration spends outside of the model, the decoder and the judge. Run as a program of its own (by run.ts), so
 * that nothing else of the benchmark is in the process: prints one JSON line.
 *
 *   node --import ./test/bench/instrument-lanes.ts test/bench/overhead.ts ITERATIONS
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { EventOf } from '../../engine/run/events.ts';
import type { Reward } from '../../engine/reward/reward.ts';
import { add, shareTimes, stopwatch, type Elapsed } from './instrument.ts';
import { median } from './statistics.ts';
import { trainReal } from './training.ts';

export interface OverheadResult {
  iterations: number;
  /** Seconds an iteration, medians. The lanes' times in onnxruntime are means over the lanes: one that waits is not in it. */
  wallSeconds: number;
  modelSeconds: number;
  decodeSeconds: number;
  judgeSeconds: number;
  /** (wall − model − decode − judge) / wall over all measured iterations. */
  share: number;
  /** CPU seconds an iteration that the trainer's thread and the lanes spend outside of the three. */
  apartCpuSeconds: number;
  /** The same from the run's own events, where a stage counts whole: (total − rollout − decode − score − update) / total. */
  shareByStages: number;
  /** CPU seconds an iteration of the thread that encodes videos; null where the system does not tell. */
  encodeSeconds: number | null;
  /** `share` as if the encoding thread took its CPU time from the trainer's cores: an upper bound. */
  shareWithEncoding: number | null;
}

/** Running totals at the end of an iteration. */
interface Mark {
  all: Elapsed;
  model: Elapsed;
  decode: Elapsed;
  judge: Elapsed;
  /** CPU seconds of the lanes' threads. */
  lanes: number;
  encode: number | null;
}

/** Trains some iterations as the demo does; the first is left out as warm-up. */
export async function measureOverhead(iterations: number): Promise<OverheadResult> {
  const laneTimes = shareTimes();
  const judge: Elapsed = { wall: 0, cpu: 0 };
  const all = stopwatch();
  const marks: Mark[] = [];
  const mark = () => {
    const { model, decode, cpu } = laneTimes();
    marks.push({ all: all(), model, decode, judge: { ...judge }, lanes: cpu, encode: encodeCpu(cpu) });
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

function timedReward(reward: Reward, judge: Elapsed): Reward {
  return {
    ...reward,
    async score(items) {
      const elapsed = stopwatch();
      const scores = await reward.score(items);
      add(judge, elapsed());
      return scores;
    },
  };
}

function summarise(marks: readonly Mark[], events: readonly EventOf<'iteration'>[], threads: number): OverheadResult {
  const [first, last] = [marks[0], marks.at(-1)!];
  /** Wall seconds as one thread's: each lane counts for its share of the lanes. */
  const wallOf = (mark: Mark, part: 'all' | 'model' | 'decode' | 'judge') =>
    mark[part].wall / (part === 'model' || part === 'decode' ? threads : 1);
  const spent = (part: 'all' | 'model' | 'decode' | 'judge') => wallOf(last, part) - wallOf(first, part);
  const each = (part: 'all' | 'model' | 'decode' | 'judge') =>
    median(marks.slice(1).map((mark, i) => wallOf(mark, part) - wallOf(marks[i], part)));
  const apart = spent('all') - spent('model') - spent('decode') - spent('judge');
  const cpuApart = ({ all, lanes, model, decode, judge }: Mark) => all.cpu + lanes - model.cpu - decode.cpu - judge.cpu;
  const wall = spent('all');
  const encode = first.encode === null || last.encode === null ? null : last.encode - first.encode;
  const staged = events.reduce((sum, { seconds: s }) => sum + s.rollout + s.decode + s.score + s.update, 0);
  const total = events.reduce((sum, { seconds }) => sum + seconds.total, 0);
  return {
    iterations: events.length,
    wallSeconds: each('all'),
    modelSeconds: each('model'),
    decodeSeconds: each('decode'),
    judgeSeconds: each('judge'),
    share: apart / wall,
    apartCpuSeconds: (cpuApart(last) - cpuApart(first)) / events.length,
    shareByStages: (total - staged) / total,
    encodeSeconds: encode === null ? null : encode / events.length,
    shareWithEncoding: encode === null ? null : (apart + encode / threads) / wall,
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
