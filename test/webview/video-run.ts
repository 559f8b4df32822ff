/** Runs with videos whose frames can be told apart by their colour, written as the trainer writes them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { encodePoster, encodeVideo } from '../../engine/media/encode.ts';
import { toBytes } from '../../engine/media/frames.ts';
import { groupAdvantages } from '../../engine/method/advantages.ts';
import { openEventLog } from '../../engine/run/event-log.ts';
import type { VideoEntry } from '../../engine/run/events.ts';
import { createRun, runPaths } from '../../engine/run/folder.ts';
import { eightColours, flatVideo } from '../unit/media/testvideo.ts';
import { config, evaluationEvent, iterationEvent, provenance } from '../unit/run/sample-run.ts';

export const hostile = '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>';
/** One a group; the first carries markup. */
export const prompts = [hostile, ...Array.from({ length: 7 }, (_, i) => `a circle number ${i + 1}`)];
export const generations = 8;

/** Rewards of the groups: the second is dead, the third has a video that was not scored. */
export function rewardOf(prompt: number, generation: number): number | null {
  if (prompt === 1) return 0.5;
  if (prompt === 2 && generation === 3) return null;
  return 1 + ((generation * 3 + prompt) % generations) / 10;
}

function entriesOf(kind: 'rollouts' | 'evaluation', iteration: number): VideoEntry[] {
  const perPrompt = kind === 'rollouts' ? generations : 2;
  const rewards = prompts.map((_, p) => Array.from({ length: perPrompt }, (_, g) => rewardOf(p, g)));
  const { advantages } = groupAdvantages(rewards, 5);
  return prompts.flatMap((prompt, p) =>
    rewards[p].map((reward, generation): VideoEntry => {
      const file = `p${String(p).padStart(2, '0')}-g${generation}`;
      const rollout = kind === 'rollouts';
      return {
        ...{ file: `${file}.mp4`, poster: `${file}.png`, prompt, promptIndex: p, generation, reward },
        seedKey: {
          seed: rollout ? 42 : 930,
          stream: rollout ? 0 : 1,
          iteration: rollout ? iteration : 0,
          prompt: p,
          generation,
        },
        components: reward === null ? null : { VQ: reward / 2, MQ: reward / 3 },
        ...(p === 3 && { raw: { VQ: 4.62 }, heldOut: { clipscore: 27.1 }, notes: ['77 of <b>103</b> tokens'] }),
        advantage: rollout ? advantages[p][generation] : null,
        distance: reward === null ? null : 0.05,
        ...(reward === null ? { reason: 'the judge did not answer <b>in time</b>' } : {}),
      };
    }),
  );
}

/** A folder for runs that goes after the tests of the file. */
export function runsFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sage-videos-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a run with rollouts and evaluations at iterations 1 and 10, and gives its id. */
export async function writeVideoRun(runs: string, overrides: object = {}, name = 'videos'): Promise<string> {
  const own = { ...config, videos: { every: 10 }, sampling: { frames: 8 }, ...overrides };
  const { folder } = await createRun(runs, name, 'name: videos\n', own, provenance);
  const video = toBytes(flatVideo(eightColours));
  const film = await encodeVideo(video, 8, { quality: 26, framesPerSecond: 8 });
  const poster = encodePoster(video, 8);
  const log = await openEventLog(runPaths(folder).events);
  for (const iteration of [1, 10])
    for (const [kind, events] of [
      ['rollouts', 'rollouts'],
      ['evaluation', 'evaluations'],
    ] as const) {
      const place = `${events}/${String(iteration).padStart(6, '0')}`;
      mkdirSync(path.join(folder, place), { recursive: true });
      const videos = entriesOf(kind, iteration);
      for (const entry of videos) {
        writeFileSync(path.join(folder, place, entry.file), film);
        writeFileSync(path.join(folder, place, entry.poster), poster);
      }
      if (kind === 'rollouts') log.append(iterationEvent(iteration));
      else log.append(evaluationEvent(iteration, iteration / 20));
      const event = kind === 'rollouts' ? ('rollouts' as const) : ('evaluation_videos' as const);
      log.append({ kind: event, iteration, folder: place, videos });
    }
  log.close();
  return path.basename(folder);
}
