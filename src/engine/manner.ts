import type { RequestName } from '../../engine/protocol.ts';

/**
 * What becomes of a request whose process ends before it has answered. `reads`: it is asked again, of the next process.
 * `acts`: whether it was done is not known, so it fails and says that. `releases`: it was about something that the process
 * held, so it is done.
 */
export type Manner = 'reads' | 'acts' | 'releases';

export const mannerOf: Readonly<Record<RequestName, Manner>> = {
  'engine/hello': 'reads',
  'engine/ping': 'reads',
  'engine/doctor': 'reads',
  'runs/list': 'reads',
  'runs/watch': 'reads',
  'runs/unwatch': 'releases',
  'runs/compare': 'reads',
  'run/inspect': 'reads',
  'run/checkpoints': 'reads',
  'run/subscribe': 'reads',
  'run/unsubscribe': 'releases',
  'run/observe': 'reads',
  'run/unobserve': 'releases',
  'run/series': 'reads',
  'run/videos': 'reads',
  'run/readFile': 'reads',
  'run/listFiles': 'reads',
  'run/launch': 'acts',
  'run/resume': 'acts',
  'run/control': 'acts',
  'run/kill': 'acts',
  'run/deletable': 'reads',
  'run/report': 'acts',
  'config/validate': 'reads',
  'config/explain': 'reads',
  'config/exploration': 'reads',
  'config/estimate': 'reads',
  'config/presets': 'reads',
};
