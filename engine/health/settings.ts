/** What the checks use of a run's config; null where it does not say. It may come from anywhere. */
export interface Settings {
  promptsPerIteration: number | null;
  generations: number | null;
  iterations: number | null;
  learningRate: number | null;
  clipRange: number | null;
  microBatch: number | null;
  threads: number | null;
  eta: number | null;
  equalizer: string | null;
  /** Weights of the reward's components; null where the config has none. */
  weights: ReadonlyMap<string, number> | null;
  anchorMode: string | null;
  anchorInterval: number | null;
  controller: string | null;
  betaMinimum: number | null;
  betaWeight: number | null;
  klTarget: number | null;
  backend: string | null;
  rewardModel: string | null;
  videosEvery: number | null;
}

function valueAt(value: unknown, path: string): unknown {
  let inner = value;
  for (const key of path.split('.')) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<string, unknown>)[key];
  }
  return inner;
}

/** Reads a resolved config; what is missing or of another kind is null. */
export function settingsOf(config: Record<string, unknown>): Settings {
  const number = (path: string) => {
    const value = valueAt(config, path);
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
  const word = (path: string) => {
    const value = valueAt(config, path);
    return typeof value === 'string' ? value : null;
  };
  return {
    promptsPerIteration: number('rollout.prompts_per_iteration'),
    generations: number('rollout.generations'),
    iterations: number('training.iterations'),
    learningRate: number('training.learning_rate'),
    clipRange: number('training.clip_range'),
    microBatch: number('training.micro_batch'),
    threads: number('policy.threads'),
    eta: number('exploration.eta'),
    equalizer: word('equalizer.mode'),
    weights: weightsOf(valueAt(config, 'reward.weights')),
    anchorMode: word('trust_region.anchor.mode'),
    anchorInterval: number('trust_region.anchor.interval'),
    controller: word('trust_region.beta.controller'),
    betaMinimum: number('trust_region.beta.minimum'),
    betaWeight: number('trust_region.beta.weight'),
    klTarget: number('trust_region.beta.target'),
    backend: word('policy.backend'),
    rewardModel: word('reward.model'),
    videosEvery: number('videos.every'),
  };
}

function weightsOf(value: unknown): Settings['weights'] {
  if (typeof value !== 'object' || value === null) return null;
  const numbers = Object.entries(value).filter(([, weight]) => typeof weight === 'number' && Number.isFinite(weight));
  return numbers.length === 0 ? null : new Map(numbers as [string, number][]);
}

/** Weight of a component in the reward: 0 for one that it leaves out; 1 where the config names no weights. */
export function weightOf(settings: Settings, component: string): number {
  return settings.weights === null ? 1 : (settings.weights.get(component) ?? 0);
}
