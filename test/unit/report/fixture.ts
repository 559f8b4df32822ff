import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createVideoWriter } from '../../../engine/media/writer.ts';
import { loadedVideo } from '../../../engine/policy/policy.ts';
import { openEventLog } from '../../../engine/run/event-log.ts';
import type { EventBody, EventOf, VideoEntry } from '../../../engine/run/events.ts';
import { createRun, updateRun } from '../../../engine/run/folder.ts';
import type { RunStatus } from '../../../engine/run/folder.ts';
import { collectProvenance } from '../../../engine/run/provenance.ts';
import { allPrompts, parsePrompt } from '../../../engine/shapes/grammar.ts';
import { createRandom } from '../../../engine/shapes/random.ts';
import type { Random } from '../../../engine/shapes/random.ts';
import { renderScene } from '../../../engine/shapes/render.ts';
import { randomScene } from '../../../engine/shapes/scene.ts';
import type { Video } from '../../../engine/policy/policy.ts';

export interface FixtureOptions {
  iterations?: number;
  status?: RunStatus;
  message?: string;
  /** Videos of the first and the last evaluation. */
  videos?: number;
  /** Put in place of the first prompts. */
  prompts?: string[];
  name?: string;
  configText?: string;
  /** Applied to each iteration event before it is written. */
  change?: (event: EventBody & { kind: 'iteration' }) => void;
  evaluations?: boolean;
  warnings?: Omit<EventOf<'warning'>, 'seq' | 'time' | 'v' | 'kind'>[];
}

const P = 4;
const steps = 9;

/**
 * Writes the folder of an INVENTED run (a test fixture: nothing was trained), with the shape of a real one: its events
 * pass the log's checks and its videos are really encoded. Returns the folder.
 */
export async function writeFixtureRun(runsFolder: string, options: FixtureOptions = {}): Promise<string> {
  const { iterations = 60, status = 'finished', message = null, name = 'shapes-demo', evaluations = true } = options;
  const config = {
    name,
    seed: 42,
    policy: { model: 'shapes', backend: 'onnx' },
    sampling: { steps: 10, shift: 3, frames: 8 },
    exploration: { kernel: 'sage', eta: 0.5 },
    rollout: { prompts_per_iteration: P, generations: 8 },
    training: { iterations, learning_rate: 1e-4 },
  };
  const configText = options.configText ?? 'name: shapes-demo\nexploration:\n  kernel: sage # <b>not bold</b>\n';
  const provenance = await collectProvenance({ seed: 42, devices: ['cpu'] });
  const { folder, id } = await createRun(runsFolder, name, configText, config, provenance);
  const log = await openEventLog(join(folder, 'events.jsonl'));
  const random = createRandom(7);
  log.append({ kind: 'run_started', iteration: 0, runId: id });
  if (evaluations) await evaluate(log.append, folder, 0, 0, options);
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const event = iterationEvent(iteration, iteration / 60, random);
    options.change?.(event);
    log.append(event);
    for (const warning of options.warnings ?? []) {
      if (warning.iteration === iteration) log.append({ kind: 'warning', ...warning });
    }
    const due = iteration % 10 === 0 || iteration === iterations;
    if (evaluations && due)
      await evaluate(log.append, folder, iteration, iteration / 60, options, iteration === iterations);
  }
  log.append({ kind: 'run_finished', iteration: iterations, status });
  log.close();
  await updateRun(folder, { status, message: options.message ?? message });
  return folder;
}

/** Adds a raw line to the events of a run. */
export async function appendRaw(folder: string, line: string): Promise<void> {
  await appendFile(join(folder, 'events.jsonl'), line);
}

/** 0 → 1, quickly first. */
const learned = (progress: number) => 1 - Math.exp(-2.2 * progress);

function componentsAt(progress: number, shift: number): Record<string, number> {
  const l = learned(progress);
  return { VQ: 0.62 + 0.12 * l - shift, MQ: 0.44 + 0.28 * l - shift, TA: 0.73 + 0.13 * l - shift };
}

function totalOf(components: Record<string, number>): number {
  return 0.5 * components.VQ + 0.5 * components.MQ + components.TA;
}

function iterationEvent(iteration: number, progress: number, random: Random): EventBody & { kind: 'iteration' } {
  const noise = () => random.between(-1, 1);
  const components = componentsAt(progress, 0.06 + 0.03 * noise());
  const mean = totalOf(components);
  const sinceAnchor = 1 + ((iteration * 9) % 10);
  const times = {
    rollout: 0.62 + 0.05 * noise(),
    decode: 0.05,
    score: 0.09,
    update: 1.2 + 0.08 * noise(),
    other: 0.03,
  };
  return {
    kind: 'iteration',
    iteration,
    reward: { mean, std: 0.28 - 0.06 * learned(progress), min: mean - 0.6, max: mean + 0.5 },
    components,
    distance: 0.163 - 0.02 * learned(progress) + 0.004 * noise(),
    deadGroups: iteration % 23 === 0 ? 1 : 0,
    unscored: 0,
    advantageAbsMean: 0.81,
    steps: Array.from({ length: steps }, (_, k) => {
      const analyticNorm = 0.5 * 1.62 ** k * (1 + 0.1 * (k % 2));
      const equalizer = (0.5 * 1.62 ** 4) / analyticNorm;
      const gradientNormRaw = analyticNorm * 0.02 * (1 + 0.25 * noise()) * (1 + 0.5 * Math.sin(k));
      const drift = 2e-5 * (progress * 60) ** 1.3 * (1 + 0.2 * k) * (1 + 0.15 * noise());
      return {
        k,
        ratio: 1,
        ratioDeviation: 3e-5,
        approxKl: 1e-6,
        clipFraction: 0.1,
        gradientNormRaw,
        gradientNorm: gradientNormRaw * equalizer,
        analyticNorm,
        equalizer,
        klAnchor: 2e-4 * sinceAnchor * (1 + 0.2 * noise()),
        klStep: 3e-7 * (1 + 0.4 * noise()),
        driftReference: drift,
        driftAnchor: 1.5e-6 * sinceAnchor ** 1.2 * (1 + 0.1 * k),
        excessEnergy: 1,
      };
    }),
    firstReplayRatioDeviation: 0,
    loss: -0.001,
    beta: Math.min(1e-5, 1e-7 + iteration * 1e-6) * (iteration > 30 ? 0.8 : 1),
    learningRate: 1e-4,
    updates: iteration * 9,
    updateNorm: 0.012 * (1 + 0.1 * noise()),
    gradientNorm: 0.3 * (1 + 0.3 * noise()),
    anchorRefreshes: 1,
    skippedUpdates: 0,
    seconds: { ...times, total: Object.values(times).reduce((sum, value) => sum + value, 0) },
    peakMemory: 612 * 2 ** 20,
  };
}

async function evaluate(
  append: (event: EventBody) => unknown,
  folder: string,
  iteration: number,
  progress: number,
  options: FixtureOptions,
  withVideos = iteration === 0,
): Promise<void> {
  const components = componentsAt(progress, 0);
  append({
    kind: 'evaluation',
    iteration,
    reward: totalOf(components),
    rewardStd: 0.21,
    components,
    distance: 0.155 - 0.021 * learned(progress),
    videos: 144,
    unscored: 0,
    ceiling: 1.93,
    seconds: 2.4,
    best: true,
  });
  const count = options.videos ?? 0;
  if (!withVideos || count === 0) return;
  const inside = join('evaluations', String(iteration).padStart(6, '0'));
  await mkdir(join(folder, inside), { recursive: true });
  append({
    kind: 'evaluation_videos',
    iteration,
    folder: inside,
    videos: await writeVideos(join(folder, inside), progress, count, options),
  });
}

async function writeVideos(
  folder: string,
  progress: number,
  count: number,
  options: FixtureOptions,
): Promise<VideoEntry[]> {
  const writer = createVideoWriter({ quality: 26, framesPerSecond: 8 });
  const prompts = allPrompts();
  const entries: VideoEntry[] = [];
  for (let i = 0; i < count; i++) {
    const shown = options.prompts?.[i] ?? prompts[(i * 7) % prompts.length];
    const random = createRandom(930, i);
    const video = flawedVideo(
      parsePrompt(shown) ?? parsePrompt(prompts[i % prompts.length])!,
      1 - learned(progress),
      random,
    );
    const [file, poster] = [`p${i}-g0.mp4`, `p${i}-g0.png`];
    await writer.enqueue([
      { video: loadedVideo(video), file: join(folder, file), poster: join(folder, poster), scale: 8 },
    ]);
    const components = componentsAt(progress, random.between(-0.15, 0.15) * (0.3 + progress));
    entries.push({
      file,
      poster,
      prompt: shown,
      promptIndex: i,
      generation: 0,
      seedKey: { seed: 930, stream: 1, iteration: 0, prompt: i, generation: 0 },
      reward: totalOf(components),
      components,
      advantage: null,
      distance: 0.15,
    });
  }
  await writer.drain();
  await writer.close();
  return entries;
}

/** A rendered scene that trembles and is pale and noisy, the more the larger `flaw` (0–1). */
function flawedVideo(words: NonNullable<ReturnType<typeof parsePrompt>>, flaw: number, random: Random): Video {
  const offsets = Array.from({ length: 16 }, () => (flaw * random.between(-2, 2)) / 32);
  const video = renderScene(randomScene(words, random), { offsets, contrast: 1 - 0.45 * flaw });
  for (let i = 0; i < video.pixels.length; i++) video.pixels[i] += flaw * random.between(-0.12, 0.12);
  return video;
}
