import { rowsPerPass } from '../plan.ts';
import type { Config } from '../schema.ts';
import type { Gpu } from './devices.ts';
import { modelFacts } from './models.ts';
import { saturated } from './passes.ts';

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
  const { policy } = config;
  const lora = policy.adapter.kind === 'lora';
  const trimmed = modelFacts(policy.model).trimmedText;
  const sentences: (string | false)[] = [
    'What the worker takes is counted from its operations, on diffusers, peft and FSDP2; it was not measured.',
    `On ${title} the transformer reaches ${percent(achieved.transformer)} of the peak in the maker’s data sheet, the decoder ${percent(achieved.decoder)}, the reward model ${percent(achieved.reward)}.`,
    policy.devices > 1 &&
      (lora
        ? 'The base weights are sharded over all GPUs, each of which holds the adapters and their optimizer whole; the traffic takes no time of its own.'
        : 'Weights, gradients and optimizer are sharded over all GPUs; the traffic for that takes no time of its own.'),
    lora
      ? `The base weights are frozen, and they and both adapters compute in ${policy.precision}; AdamW’s copy of the trained adapter and both moments are float32.`
      : 'The weights that AdamW changes, their gradient and both moments are float32.',
    lora
      ? 'The anchor is a second adapter, and the pre-trained model is the base without an adapter.'
      : policy.offload_anchor
        ? 'The anchor and the pre-trained model are float32 copies in the memory of the CPU.'
        : 'The anchor and the pre-trained model are float32 copies on the GPUs, and the current weights are a third while one takes their place.',
    'Gradients exist during an update, where their sum is apart from the newest; latents of rollouts are in the memory of the CPU.',
    policy.activation_checkpointing && 'Between blocks only their inputs are kept, and each block is computed twice.',
    trimmed && 'A prompt has 128 tokens, padding is cut off, and nothing is quoted in it.',
    trimmed
      ? 'Attention is a kernel that never holds all pairs of tokens, and takes no mask of them.'
      : 'Attention is a kernel that never holds all pairs of tokens; a prompt has 512 tokens.',
    'A GPU decodes one video after another, in tiles of 256 pixels.',
    policy.guidance_batching === 'auto'
      ? `Samples and branches of guidance share a pass where a video has ${saturated.toLocaleString('en-US')} tokens or less, and come one after another where it has more.`
      : `Both branches of guidance ${policy.guidance_batching === 'batched' ? 'share a pass' : 'come one after another'}.`,
    rowsPerPass(config) > 1 && 'Passes have fewer rows where memory has no room for all that could share one.',
    'Prompts are encoded before training, and the text encoders then leave the GPU.',
    `Reward models and held-out metrics are on every GPU in ${policy.precision}; only VideoAlign takes time, beside which reading frames and CLIP are nothing.`,
    'CUDA, its libraries and what the allocator cannot use take 1 GiB, with several GPUs 1.5 GiB.',
    'Real video takes 0.12 bits a pixel at quantizer 26.',
  ];
  return sentences.filter((sentence) => sentence !== false);
}
