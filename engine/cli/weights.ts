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
  /** What of the repository is not needed, by file names: the same weights in other formats, or all weights. */
  unneeded?: readonly string[];
  /** What the files are for: `policy`, or the name of a reward model. */
  for: string;
  /** Whether others are needed instead where the main files of it are here and say so. */
  beside: boolean;
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

type Released = Omit<NeededWeights, 'key' | 'for' | 'beside'>;

/** Of repositories that have their weights as safetensors too, which is what is loaded. */
const otherFormats = ['*.bin', '*.h5', '*.msgpack'];
const allWeights = ['*.safetensors', '*.bin'];

const released: Record<string, Released> = {
  'hunyuan-video-1.5': {
    title: 'HunyuanVideo-1.5',
    name: 'hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v',
    kind: 'pipeline',
    gigabytes: 40,
  },
  'wan-2.1': { title: 'Wan2.1', name: 'Wan-AI/Wan2.1-T2V-1.3B-Diffusers', kind: 'pipeline', gigabytes: 29 },
  videoalign: { title: 'VideoAlign', name: 'KlingTeam/VideoReward', kind: 'videoalign', gigabytes: 5.1 },
  clipscore: {
    title: 'CLIPScore',
    name: 'openai/clip-vit-large-patch14',
    kind: 'clip',
    gigabytes: 1.7,
    unneeded: otherFormats,
  },
  pickscore: {
    title: 'PickScore',
    name: 'yuvalkirstain/PickScore_v1',
    kind: 'pickscore',
    gigabytes: 4,
    unneeded: otherFormats,
  },
};

/** What the released checkpoints take from other repositories: the model they were trained from, as far as it is needed. */
const companions: Record<string, Released> = {
  videoalign: {
    title: "VideoAlign's Qwen2-VL",
    name: 'Qwen/Qwen2-VL-2B-Instruct',
    kind: 'base',
    gigabytes: 0.02,
    unneeded: allWeights,
  },
  pickscore: {
    title: "PickScore's processor",
    name: 'laion/CLIP-ViT-H-14-laion2B-s32B-b79K',
    kind: 'processor',
    gigabytes: 0.01,
    unneeded: allWeights,
  },
};

/** The weights that a config of the torch policy needs; none for the embedded model, whose are in this package. */
export function neededWeights(config: WeightsConfig): NeededWeights[] {
  const { model, backend, weights } = config.policy;
  if (backend !== 'torch') return [];
  const needed: NeededWeights[] = [];
  if (released[model]) needed.push(place(released[model], weights, 'policy.weights', 'policy'));
  const scorers = [config.reward.model, config.reward.held_out].flatMap((names) => names ?? []);
  for (const scorer of new Set(scorers)) {
    if (!released[scorer]) continue;
    const key = `reward.checkpoints.${scorer}`;
    needed.push(place(released[scorer], config.reward.checkpoints?.[scorer] ?? null, key, scorer));
    if (companions[scorer]) needed.push({ ...companions[scorer], key, for: scorer, beside: true });
  }
  return needed;
}

function place(usual: Released, own: string | null, key: string, what: string): NeededWeights {
  const rest = { key, for: what, beside: false };
  // Of another's repository nobody knows in which formats it has its weights, nor how large they are.
  return own === null ? { ...usual, ...rest } : { ...usual, ...rest, name: own, gigabytes: null, unneeded: [] };
}
