import { getLanguageService, type LanguageService } from 'yaml-language-server';
import { jsonSchema } from '../../../engine/config/json-schema.ts';

/** yaml-language-server as a library, which knows a config by its JSON schema and nothing else. */
export type YamlService = Pick<
  LanguageService,
  'doComplete' | 'doFormat' | 'doValidation' | 'findDocumentSymbols2' | 'getFoldingRanges' | 'getSelectionRanges'
>;

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
  return {
    doComplete: settled(service.doComplete, { isIncomplete: false, items: [] }),
    doFormat: settled(service.doFormat, []),
    doValidation: settled(service.doValidation, []),
    findDocumentSymbols2: tried(service.findDocumentSymbols2, []),
    getFoldingRanges: tried(service.getFoldingRanges, null),
    getSelectionRanges: tried(service.getSelectionRanges, []),
  };
}

/** On some broken texts, an alias within its own anchor among them, the library recurses until the stack is full. */
function tried<A extends unknown[], R>(call: (...args: A) => R, otherwise: R): (...args: A) => R {
  return (...args) => {
    try {
      return call(...args);
    } catch {
      return otherwise;
    }
  };
}

function settled<A extends unknown[], R>(call: (...args: A) => Promise<R>, otherwise: R): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await call(...args);
    } catch {
      return otherwise;
    }
  };
}
