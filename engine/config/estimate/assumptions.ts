import type { Config } from '../schema.ts';
import type { Gpu } from './devices.ts';

const percent = (share: number) => `${Math.round(100 * share)} %`;

/** What an estimate rests on, in sentences for a person. @param gpu null for the embedded model on the CPU */
export function assumptionsOf(config: Config, gpu: Gpu | null, promptsKnown: boolean): string[] {
  const counted = promptsKnown ? [] : ['An evaluation has as many videos as evaluation.max_videos allows.'];
  return [...(gpu === null ? onCpu(config) : onGpu(config, gpu)), ...counted];
}

function onCpu({ policy }: Config): string[] {
  return [
    'Shapes runs on the CPU alone.',
    `Time is that of one core of an Intel Xeon of 2026, times ${policy.threads} (policy.threads): there are as many cores, and they do nothing else.`,
    'Memory is resident memory of the trainer’s process, from measured runs on Linux with Node.js 24.',
    'Every evaluation is the best so far and saves a checkpoint.',
  ];
}

function onGpu(config: Config, { title, achieved }: Gpu): string[] {
  const { policy, trust_region: trustRegion } = config;
  const lora = policy.adapter.kind === 'lora';
  const hunyuan = policy.model === 'hunyuan-video-1.5';
  const sentences: (string | false)[] = [
    'What the worker takes is counted from its operations, on diffusers, peft and FSDP2; it was not measured.',
    `On ${title} the transformer reaches ${percent(achieved.transformer)} of the peak in the maker’s data sheet, the decoder ${percent(achieved.decoder)}, the reward model ${percent(achieved.reward)}.`,
    policy.devices > 1 &&
      'Weights, gradients and optimizer are sharded over all GPUs; the traffic for that takes no time of its own.',
    lora
      ? 'The base weights are frozen in policy.precision; the adapter, its gradient and both moments of AdamW are float32.'
      : 'The weights that AdamW changes, their gradient and both moments are float32.',
    lora
      ? 'The anchor is a second adapter, and the pre-trained model is the base without an adapter.'
      : trustRegion.anchor.mode === 'moving'
        ? 'The anchor and the pre-trained model, for the drift, are two more copies in policy.precision.'
        : 'The pre-trained model, for the drift and as a fixed anchor, is one more copy in policy.precision.',
    policy.activation_checkpointing && 'Between blocks only their inputs are kept, and each block is computed twice.',
    hunyuan && 'A prompt has 128 tokens, padding is cut off, and nothing is quoted in it.',
    hunyuan &&
      'Attention takes the mask of all pairs of tokens that diffusers builds, on every GPU that shares a video.',
    !hunyuan && 'Attention is a kernel that never holds all pairs of tokens; a prompt has 512 tokens.',
    'A GPU samples and decodes one video after another, in tiles of 256 pixels; both branches of guidance come one after another.',
    'Prompts are encoded before training, and the text encoders then leave the GPU.',
    'Reward models and held-out metrics are on every GPU in bfloat16; only VideoAlign takes time, beside which reading frames and CLIP are nothing.',
    'CUDA, its libraries and what the allocator cannot use take 1 GiB, with several GPUs 1.5 GiB.',
    'Real video takes 0.12 bits a pixel at quantizer 26.',
  ];
  return sentences.filter((sentence) => sentence !== false);
}
