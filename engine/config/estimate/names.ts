/** GPUs that estimates know, the largest memory first; their numbers are in `devices.ts`. */
export const gpuNames = [
  ...(['b200', 'h200', 'a100-80gb', 'h100', 'l40s', 'a100-40gb', 'rtx-5090', 'rtx-4090'] as const),
] as const;
export type GpuName = (typeof gpuNames)[number];

/** What an estimate can be for. `cpu` is the machine that the embedded model runs on, one core a thread. */
export const deviceNames = ['cpu', ...gpuNames] as const;
export type DeviceName = (typeof deviceNames)[number];

/** What a part of memory holds. */
export const memoryParts = [
  ...([
    'program',
    'weights',
    'adapters',
    'masters',
    'gradients',
    'optimizer',
    'anchor',
    'autoencoder',
    'reward',
  ] as const),
  ...(['rollouts', 'overhead', 'activations', 'decoding', 'scoring', 'videos'] as const),
] as const;
export type MemoryPart = (typeof memoryParts)[number];
