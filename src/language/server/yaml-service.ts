import { getLanguageService, type LanguageService } from 'yaml-language-server';
import { jsonSchema } from '../../../engine/config/json-schema.ts';

/** yaml-language-server as a library, which knows a config by its JSON schema and nothing else. */
export type YamlService = LanguageService;

/** Where the schema would stand; nothing is ever fetched from there. */
const schemaUri = 'sage://schema/config.json';

/** Makes the service. A schema that a file asks for by an address or a path is refused, so that nothing is read or fetched. */
export function createYamlService(): YamlService {
  const service = getLanguageService({
    schemaRequestService: (uri) => Promise.reject(new Error(`${uri} is not read: a config has one schema.`)),
    workspaceContext: { resolveRelativePath: (relativePath) => relativePath },
  });
  service.configure({
    ...{ validate: true, hover: true, completion: true, format: true },
    hoverSchemaSource: false,
    schemas: [{ uri: schemaUri, fileMatch: ['*'], schema: jsonSchema() }],
  });
  return service;
}
