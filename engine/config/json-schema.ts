import { z } from 'zod';
import type { KeyMeta } from './key.ts';
import { configSchema } from './schema.ts';

/** Draft-07 JSON schema of a `*.sage.yaml`, as editors use it for completion and hovers. */
export function jsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    override: ({ jsonSchema: node }) => present(node as Record<string, unknown>),
  });
}

/** Says in JSON schema's own words what the key's record says; the rest of the record stays out. */
function present(node: Record<string, unknown>): void {
  const meta = node as unknown as Partial<KeyMeta>;
  const { unit, paper, equation, values, models, torchOnly, onnxOnly, defaultText } = meta;
  const notes = [
    unit === undefined ? '' : `Unit: ${unit}.`,
    defaultText === undefined ? '' : `Default: ${defaultText}.`,
    ...Object.entries(models ?? {}).map(([model, value]) => `Default for ${model}: ${String(value)}.`),
    paper === undefined ? '' : `In the paper: ${paper}.`,
    equation === undefined ? '' : `Formula: \`${equation}\`.`,
    torchOnly === true ? 'Only read by the torch backend.' : '',
    onnxOnly === true ? 'Only read by the onnx backend.' : '',
  ].filter(Boolean);
  if (notes.length > 0) node.markdownDescription = [meta.description, ...notes].join('\n\n');
  if (values !== undefined && Array.isArray(node.enum))
    node.markdownEnumDescriptions = (node.enum as string[]).map((word) => values[word]);
  for (const name of [
    'unit',
    'paper',
    'equation',
    'section',
    'values',
    'models',
    'torchOnly',
    'onnxOnly',
    'defaultText',
    'aliases',
    'why',
    'usual',
  ])
    delete node[name];
  // A block's default is that of its keys.
  if (isEmptyBlock(node.default)) delete node.default;
}

function isEmptyBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
