import { z } from 'zod';

/** The video generators that a config can name. */
export const modelNames = ['shapes', 'hunyuan-video-1.5', 'wan-2.1'] as const;
export type ModelName = (typeof modelNames)[number];

/** What can score videos. */
export const rewardModelNames = ['shapes-judge', 'videoalign', 'clipscore', 'pickscore'] as const;
export type RewardModelName = (typeof rewardModelNames)[number];

/** What can be measured besides, without being trained on. */
export const metricNames = ['clipscore', 'pickscore'] as const;
export type MetricName = (typeof metricNames)[number];

/** Headings of docs/method.md. */
export const methodSections = [
  'Schedule',
  'Exploration kernels',
  'Log-probability',
  'Rewards and advantages',
  'Loss of one sample at one step',
  'Gradient-norm equalizer',
  'Dual trust region',
  'β',
  'Optimizer',
  'One iteration',
  'Evaluation',
] as const;
export type MethodSection = (typeof methodSections)[number];

/** Where in the repository a section of the method is, such as `docs/method.md#one-iteration`. */
export function sectionLink(section: MethodSection): string {
  return `docs/method.md#${section.toLowerCase().replaceAll(' ', '-')}`;
}

/**
 * What the schema knows of a key beyond its type, range and default: the source of hovers, messages and the reference page.
 * Kept in zod's registry, so a reader of the schema finds it with `schema.meta()`.
 */
export interface KeyMeta {
  /** One or two sentences: what the key does, and what changes when it is changed. */
  description: string;
  /** Unit of the value, in words ("steps", "samples a device"). */
  unit?: string;
  /** Where the quantity comes from: the paper's name of it and its symbol. */
  paper?: string;
  /** The formula in which it stands. */
  equation?: string;
  /** The heading of docs/method.md under which that is explained. */
  section?: MethodSection;
  /** What each allowed word does. */
  values?: Record<string, string>;
  /** Why a value outside the range is refused; ends the sentence "must be …, because …". */
  why?: string;
  /** Defaults that depend on the model; the schema's own default is the one of `shapes`. */
  models?: Partial<Record<ModelName, unknown>>;
  /** What the key is where something needs it and it is not written; nothing needs it everywhere, so it has no default. */
  usual?: unknown;
  /** What other trainers call this key, for "did you mean". */
  aliases?: string[];
  /** Read by the torch policy only. */
  torchOnly?: boolean;
  /** Read by the onnx policy only. */
  onnxOnly?: boolean;
  /** In words, where the bare default (`null`) would not say it. */
  defaultText?: string;
}

/** Attaches what the schema knows of a key. */
export function key<T extends z.ZodType>(schema: T, meta: KeyMeta): T {
  return schema.meta({ ...meta });
}

/** A block of keys. Unknown keys in it are errors; a block left out takes the default of every key. */
export function block<Shape extends z.core.$ZodLooseShape>(description: string, shape: Shape) {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .meta({ description });
}
