import type { z } from 'zod';
import type { KeyMeta, ModelName } from './key.ts';
import { ownWeight } from './schema-reward.ts';
import { configSchema } from './schema.ts';

/** One key of the schema, flat: what hovers, completion, messages and the reference page need of it. */
export interface KeyInfo {
  /** Dotted, such as `trust_region.beta.weight`. */
  path: string;
  name: string;
  kind: 'block' | 'integer' | 'number' | 'boolean' | 'choice' | 'choices' | 'text' | 'prompts';
  nullable: boolean;
  /** Allowed words of a choice; of `choices`, of which there may be several in a list. */
  choices: string[];
  /** Bounds of a number; `exclusive` when the bound itself is not allowed. */
  minimum: { value: number; exclusive: boolean } | null;
  maximum: { value: number; exclusive: boolean } | null;
  /** Default for the Shapes model; undefined for a key without one. */
  default: unknown;
  /** Its block cannot do without it. */
  required: boolean;
  /** Keys of a block, in the order in which people write them. */
  children: KeyInfo[];
  meta: KeyMeta;
}

type Definition = {
  type: string;
  innerType?: z.core.$ZodType;
  defaultValue?: unknown;
  shape?: Record<string, z.core.$ZodType>;
  entries?: Record<string, string>;
  options?: z.core.$ZodType[];
  format?: string;
  checks?: z.core.$ZodCheck[];
};

/** A check of zod's, as far as bounds of numbers go. */
interface BoundCheck {
  check: string;
  value?: number;
  inclusive?: boolean;
}

/** Reads one schema into what is known of its key; descends into blocks. */
function describe(schema: z.core.$ZodType, path: string[]): KeyInfo {
  const info: KeyInfo = {
    path: path.join('.'),
    name: path.at(-1) ?? '',
    kind: 'text',
    nullable: false,
    choices: [],
    minimum: null,
    maximum: null,
    default: undefined,
    required: !(schema as z.ZodType).safeParse(undefined).success,
    children: [],
    meta: (schema as z.ZodType).meta() as unknown as KeyMeta,
  };
  let definition = schema._zod.def as Definition;
  while (definition.innerType) {
    if (definition.type === 'default') info.default = definition.defaultValue;
    if (definition.type === 'nullable') info.nullable = true;
    definition = definition.innerType._zod.def as Definition;
  }
  refine(info, definition, path);
  info.default ??= (info.meta as KeyMeta | undefined)?.usual;
  return info;
}

function refine(info: KeyInfo, definition: Definition, path: string[]): void {
  switch (definition.type) {
    case 'object':
      info.kind = 'block';
      info.children = Object.entries(definition.shape ?? {}).map(([name, child]) => describe(child, [...path, name]));
      break;
    case 'number':
      info.kind = definition.format === 'safeint' ? 'integer' : 'number';
      info.minimum = bound(definition, 'greater_than');
      info.maximum = bound(definition, 'less_than');
      break;
    case 'enum':
      info.kind = 'choice';
      info.choices = Object.values(definition.entries ?? {});
      break;
    case 'boolean':
      info.kind = 'boolean';
      break;
    case 'union':
      refineUnion(info, definition.options ?? []);
      break;
  }
}

/** Words of which one or several may be written, or else a source of prompts. */
function refineUnion(info: KeyInfo, options: z.core.$ZodType[]): void {
  const words = options.map((option) => option._zod.def as Definition).find(({ type }) => type === 'enum');
  info.kind = words === undefined ? 'prompts' : 'choices';
  info.choices = Object.values(words?.entries ?? {});
}

function bound(definition: Definition, kind: string): KeyInfo['minimum'] {
  const checks = (definition.checks ?? []).map((check) => check._zod.def as BoundCheck);
  const found = checks.find(({ check }) => check === kind);
  return found?.value === undefined ? null : { value: found.value, exclusive: found.inclusive === false };
}

/** The whole schema as a tree of keys; its root is a block with an empty path. */
export const rootKey: KeyInfo = describe(configSchema, []);

/** Every key below a block, blocks before what is in them. */
export function flatten(block: KeyInfo): KeyInfo[] {
  return block.children.flatMap((child) => [child, ...flatten(child)]);
}

const byPath = new Map([rootKey, ...flatten(rootKey)].map((info) => [info.path, info]));

/** The key at a dotted path, or null when the schema has none. */
export function keyAt(path: string): KeyInfo | null {
  return byPath.get(path) ?? null;
}

/** The key at a path, or, in the weights of the reward, that of a component of a user's own. */
export function keyOrOwnWeight(path: string): KeyInfo | null {
  const [block, name] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
  return keyAt(path) ?? (block === 'reward.weights' ? describe(ownWeight, ['reward', 'weights', name]) : null);
}

/** Keys inside a prompt source (`prompts: {file: …}`). */
export const promptFileKeys = ['file', 'column', 'shuffle'] as const;

/** The default of a key for a model; undefined for a key without one. */
export function defaultFor(info: KeyInfo, model: ModelName): unknown {
  const own = info.meta.models?.[model];
  return own === undefined ? info.default : own;
}

/** The keys of a prompt source that is a file, for `prompts` and `evaluation.prompts` alike. */
export const promptSourceKeys: KeyInfo[] = describePromptFile();

function describePromptFile(): KeyInfo[] {
  let definition = configSchema.shape.prompts._zod.def as Definition;
  while (definition.innerType) definition = definition.innerType._zod.def as Definition;
  const file = definition.options?.find((option) => (option._zod.def as Definition).type === 'object');
  return file === undefined ? [] : describe(file, ['prompts']).children;
}
