import type { CancellationToken } from 'vscode-languageserver/node';
import type { ConfigText } from './config-text.ts';
import type { ServerSettings } from './settings.ts';
import type { YamlService } from './yaml-service.ts';

/** What every feature is given: a config, and what stands around it. */
export interface Asked {
  readonly config: ConfigText;
  readonly yaml: YamlService;
  readonly settings: ServerSettings;
  readonly token: CancellationToken;
}
