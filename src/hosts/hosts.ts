import type { EngineCommand } from '../engine/create.ts';
import { engineError } from '../engine/problems.ts';
import { localEngine, type LocalSettings } from './local.ts';

/** Where an engine can run. `local` is the machine of the extension host: this one, or the far end of Remote-SSH, WSL or a container. */
const hosts: Record<string, (settings: LocalSettings) => EngineCommand> = { local: localEngine };

/**
 * How the engine is started on a host.
 * @param host `sage.defaultHost`
 * @throws EngineError `host/unknown`
 */
export function engineOn(host: string, settings: LocalSettings): EngineCommand {
  const known = Object.hasOwn(hosts, host) ? hosts[host] : undefined;
  if (known) return known(settings);
  throw engineError({
    code: 'host/unknown',
    message: `The setting sage.defaultHost names "${host}", which is no host.`,
    remedy:
      'Write "local". To train on another machine, connect the window to it with Remote-SSH: there, it is the local one.',
    place: { key: 'sage.defaultHost' },
  });
}
