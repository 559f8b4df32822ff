import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadEvaluationPrompts, loadPrompts } from '../../engine/config/prompts.ts';
import { loadConfig } from '../../engine/config/load.ts';
import type { Config } from '../../engine/config/schema.ts';
import { packageRoot } from '../../engine/package-root.ts';
import type { Policy } from '../../engine/policy/policy.ts';
import type { Reward } from '../../engine/reward/reward.ts';
import { readEvents } from '../../engine/run/event-log.ts';
import type { RunEvent } from '../../engine/run/events.ts';
import { createRun, runPaths } from '../../engine/run/folder.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import type { Progress } from '../../engine/training/context.ts';
import { createParts } from '../../engine/training/create.ts';
import { promptsFiles } from '../../engine/training/prompts.ts';
import { runSession } from '../../engine/training/session.ts';

/** The demo's config. */
export const demoConfig = path.join(packageRoot(), 'examples', 'shapes.sage.yaml');

export interface RealRun {
  config: Config;
  events: RunEvent[];
}

export interface RealRunHooks {
  progress?(progress: Progress): void;
  /** May put something around the parts that the trainer works with. */
  wrap?(parts: { policy: Policy; reward: Reward }): { policy: Policy; reward: Reward };
}

/** Trains the demo's config with some values changed, by the real session in a folder that is deleted afterwards. */
export async function trainReal(overrides: readonly string[], hooks: RealRunHooks = {}): Promise<RealRun> {
  const { config, text } = loadConfig(demoConfig, overrides);
  const base = path.dirname(demoConfig);
  const prompts = { training: loadPrompts(config, base), evaluation: loadEvaluationPrompts(config, base) };
  const made = await createParts(config, base);
  const runs = await mkdtemp(path.join(os.tmpdir(), 'sage-bench-'));
  try {
    const parts = { ...made, ...hooks.wrap?.(made) };
    const provenance = await collectProvenance({ seed: config.seed });
    const { folder } = await createRun(runs, config.name, text, config, provenance, {
      files: promptsFiles(prompts),
    });
    const progress = hooks.progress ?? (() => {});
    const silent = { progress, note: () => {}, onInterrupt: () => {} };
    await runSession({ runFolder: folder, config, prompts, parts, hooks: silent });
    return { config, events: await readEvents(runPaths(folder).events) };
  } finally {
    await made.close();
    await rm(runs, { recursive: true, force: true });
  }
}
