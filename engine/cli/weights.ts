import type { WeightsKind } from '../python/examination.ts';

/** Files of one model that a config needs on this machine, or will download. */
export interface NeededWeights {
  /** For a person: `HunyuanVideo-1.5`. */
  title: string;
  /** A folder or a Hugging Face repository. */
  name: string;
  kind: WeightsKind;
  /** About the size of the download in GB; null where it is not known. */
  gigabytes: number | null;
  /** Key of the config by which another place is named. */
  key: string;
}

/** What of a config decides which weights it needs. */
export interface WeightsConfig {
  policy: { model: string; backend: string; weights: string | null };
  reward: {
    model: string | readonly string[] | null;
    held_out?: string | readonly string[];
    checkpoints?: Partial<Record<string, string | null>>;
  };
}

const released: Record<string, Omit<NeededWeights, 'key'>> = {
  'hunyuan-video-1.5': {
    title: 'HunyuanVideo-1.5',
    name: 'hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v',
    kind: 'pipeline',
    gigabytes: 40,
  },
  'wan-2.1': { title: 'Wan2.1', name: 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers', kind: 'pipeline', gigabytes: 29 },
  videoalign: { title: 'VideoAlign', name: 'KlingTeam/VideoReward', kind: 'videoalign', gigabytes: 5.1 },
  clipscore: { title: 'CLIPScore', name: 'openai/clip-vit-large-patch14', kind: 'model', gigabytes: 1.7 },
  pickscore: { title: 'PickScore', name: 'yuvalkirstain/PickScore_v1', kind: 'model', gigabytes: 4 },
};

/** What the released checkpoints take from other repositories: the model they were trained from, as far as it is needed. */
const companions: Record<string, Omit<NeededWeights, 'key'>> = {
  videoalign: { title: "VideoAlign's Qwen2-VL", name: 'Qwen/Qwen2-VL-2B-Instruct', kind: 'processor', gigabytes: 0.02 },
  pickscore: {
    title: "PickScore's processor",
    name: 'laion/CLIP-ViT-H-14-laion2B-s32B-b79K',
    kind: 'processor',
    gigabytes: 0.01,
  },
};

/** The weights that a config of the torch policy needs; none for the embedded model, whose are in this package. */
export function neededWeights(config: WeightsConfig): NeededWeights[] {
  const { model, backend, weights } = config.policy;
  if (backend !== 'torch') return [];
  const needed: NeededWeights[] = [];
  if (released[model]) needed.push(place(released[model], weights, 'policy.weights'));
  const scorers = [config.reward.model, config.reward.held_out].flatMap((names) => names ?? []);
  for (const scorer of new Set(scorers)) {
    if (!released[scorer]) continue;
    const own = config.reward.checkpoints?.[scorer] ?? null;
    needed.push(place(released[scorer], own, `reward.checkpoints.${scorer}`));
    if (own === null && companions[scorer]) needed.push({ ...companions[scorer], key: `reward.checkpoints.${scorer}` });
  }
  return needed;
}

function place(usual: Omit<NeededWeights, 'key'>, own: string | null, key: string): NeededWeights {
  return own === null ? { ...usual, key } : { ...usual, name: own, gigabytes: null, key };
}
