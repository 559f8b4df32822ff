/** Videos of an iteration as groups: the generations of one prompt, whose rewards are compared with each other. */
import type { IterationVideos, VideoEntry } from '../../../engine/protocol.ts';

export type Order = 'generation' | 'reward';

/** The generations of one prompt. */
export interface PromptGroup {
  /** The group's place in the iteration: `seedKey.prompt`. */
  key: number;
  prompt: string;
  promptIndex: number;
  videos: VideoEntry[];
  statistics: GroupStatistics;
}

export interface GroupStatistics {
  /** Videos that have a reward. */
  scored: number;
  /** Over the scored videos; null without any. */
  mean: number | null;
  /** Population standard deviation, as advantages use it. */
  std: number | null;
  /** Rewards are all equal, or there are fewer than two: the group has no advantages and teaches nothing. */
  dead: boolean;
}

/** Below this the rewards of a group count as equal, in training too. */
const smallestStd = 1e-6;

/** Mean and spread of the rewards of a group. */
export function statisticsOf(rewards: readonly (number | null)[]): GroupStatistics {
  const known = rewards.filter((reward) => reward !== null);
  if (known.length === 0) return { scored: 0, mean: null, std: null, dead: true };
  const mean = known.reduce((sum, reward) => sum + reward, 0) / known.length;
  const std = Math.sqrt(known.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / known.length);
  return { scored: known.length, mean, std, dead: known.length < 2 || std < smallestStd };
}

/** Best first, those without a reward last; equal ones by number. */
function byReward(a: VideoEntry, b: VideoEntry): number {
  if (a.reward === null || b.reward === null)
    return Number(a.reward === null) - Number(b.reward === null) || a.generation - b.generation;
  return b.reward - a.reward || a.generation - b.generation;
}

/** The groups of an iteration in the order of their prompts, each with its videos in the order asked for. */
export function groupsOf({ videos }: Pick<IterationVideos, 'videos'>, order: Order): PromptGroup[] {
  const groups = Map.groupBy(videos, (video) => video.seedKey.prompt);
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([key, members]) => ({
      key,
      prompt: members[0].prompt,
      promptIndex: members[0].promptIndex,
      videos: members.toSorted(order === 'reward' ? byReward : (a, b) => a.generation - b.generation),
      statistics: statisticsOf(members.map(({ reward }) => reward)),
    }));
}

/** A video of another iteration that stands beside one of this. */
export interface Counterpart {
  video: VideoEntry;
  /** Both began from the same noise, so that what differs is the policy. */
  sameSeed: boolean;
}

const noise = ({ seedKey }: VideoEntry) =>
  [seedKey.seed, seedKey.stream, seedKey.iteration, seedKey.prompt, seedKey.generation].join();

/**
 * The video of the same prompt and generation in another iteration: that of the same noise if there is one.
 * @returns null when the prompt was not sampled there
 */
export function counterpartOf(video: VideoEntry, others: readonly VideoEntry[]): Counterpart | null {
  const alike = others.filter((other) => other.prompt === video.prompt && other.generation === video.generation);
  const same = alike.find((other) => noise(other) === noise(video));
  const found = same ?? alike[0];
  return found ? { video: found, sameSeed: same !== undefined } : null;
}

/** The iterations that have videos on disk, ascending; a resume may have written one twice. */
export function iterationsWith(
  written: readonly { kind: string; iteration: number; videos: number }[],
  kind: string,
): number[] {
  const found = written.filter((entry) => entry.kind === kind && entry.videos > 0).map(({ iteration }) => iteration);
  return [...new Set(found)].sort((a, b) => a - b);
}

/** The member of `iterations` (ascending, not empty) that is nearest to `wanted`. */
export function nearest(iterations: readonly number[], wanted: number): number {
  return iterations.reduce((best, at) => (Math.abs(at - wanted) < Math.abs(best - wanted) ? at : best));
}
