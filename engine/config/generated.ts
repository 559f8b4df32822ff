import { codesMarkdown } from './codes-page.ts';
import { jsonSchema } from './json-schema.ts';
import { referenceMarkdown } from './reference.ts';

/** The files that are generated from the schema and the codes, by their path in the repository. */
export function generatedFiles(): Record<string, string> {
  return {
    'docs/config.md': referenceMarkdown(),
    'docs/diagnostics.md': codesMarkdown(),
    'media/sage.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  };
}
