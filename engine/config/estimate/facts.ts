import type { Estimate } from './estimate.ts';
import { bytesWords, secondsWords } from './words.ts';

/** An estimate in a few words each, for hints beside a config's keys. */
export interface EstimateFacts {
  /** `18,018 tokens a video`. */
  tokens: string;
  /** `32 videos an iteration`. */
  rollouts: string;
  /** `2 updates an iteration`. */
  updates: string;
  /** `20 samples an update on each of 8 ranks`. */
  effectiveBatch: string;
  /** `≈ 22 GiB of each GPU`. */
  memory: string;
  /** `≈ 7 min an iteration`. */
  iteration: string;
  /** `≈ 33 h the run`. */
  run: string;
  /** `≈ 20 GiB of disk`. */
  disk: string;
}

const many = (count: number, one: string, more = `${one}s`) =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : more}`;

/** What is said beside the keys of a config. */
export function estimateFacts({ tokens, work, memory, seconds, disk, device }: Estimate): EstimateFacts {
  const ofUpdate = work.updates === 0 ? 0 : Math.ceil(work.replaysPerRank / work.updates);
  const ranks = work.ranks === 1 ? '' : ` on each of ${work.ranks} ranks`;
  const where = device.name === 'cpu' ? '' : device.count === 1 ? ' of the GPU' : ' of each GPU';
  return {
    tokens: `${many(tokens.video, 'token')} a video`,
    rollouts: `${many(work.rollouts, 'video')} an iteration`,
    updates: `${many(work.updates, 'update')} an iteration`,
    effectiveBatch: `${many(ofUpdate, 'sample')} an update${ranks}`,
    memory: `≈ ${bytesWords(memory.total)}${where}`,
    iteration: `≈ ${secondsWords(seconds.iteration)} an iteration`,
    run: `≈ ${secondsWords(seconds.run)} the run`,
    disk: `≈ ${bytesWords(disk.total)} of disk`,
  };
}
