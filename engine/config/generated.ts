import { jsonSchema } from './json-schema.ts';
import { referenceMarkdown } from './reference.ts';

/** The files that are generated from the schema, by their path in the repository. */
export function generatedFiles(): Record<string, string> {
  return {
    'docs/config.md': referenceMarkdown(),
    'media/sage.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  };
}
