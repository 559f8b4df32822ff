import type { CodeLens, Command, Range } from 'vscode-languageserver/node';
import { isMap } from 'yaml';
import type { RunGlance } from '../../../../engine/run/glance.ts';
import type { ConfigText } from '../config-text.ts';
import { count, countOf } from '../figures.ts';
import type { Asked } from '../request.ts';
import { nodeRange } from '../syntax-at.ts';
import { runsOf } from './lens/runs.ts';

/** Runs that can be compared at once. */
const mostCompared = 8;

/** What can be done with the config, and its runs, above its first key. */
export async function codeLenses({ config, settings }: Asked): Promise<CodeLens[]> {
  if (!settings.commands || !settings.codeLens) return [];
  const { uri } = config.document;
  const commands: Command[] = [launchOrErrors(config)];
  if (config.analysis.config !== null)
    commands.push(
      { title: 'Preview exploration', command: 'sage.previewExploration', arguments: [uri] },
      { title: 'Estimate', command: 'sage.estimate', arguments: [uri] },
    );
  if (settings.runsFolder !== null && config.analysis.config !== null)
    commands.push(...(await runCommands(settings.runsFolder, config.analysis.config.name)));
  const range = firstKey(config);
  return commands.map((command) => ({ range, command }));
}

/** Above which the lenses stand. */
function firstKey(config: ConfigText): Range {
  const root = config.syntax?.root.contents;
  const key = isMap(root) ? root.items[0]?.key : null;
  const start = { line: 0, character: 0 };
  return nodeRange(config, key) ?? { start, end: start };
}

/** A config with errors is not offered to be launched; its errors are. */
function launchOrErrors({ document: { uri }, analysis }: ConfigText): Command {
  const errors = analysis.diagnostics.filter(({ severity, flag }) => severity === 'error' && flag === undefined);
  if (errors.length === 0) return { title: '▶ Launch', command: 'sage.launch', arguments: [uri] };
  const title = `$(error) ${countOf(errors.length, 'error')}`;
  const { line, column } = errors[0];
  // An address may name a place in a file; that of an unsaved text may not.
  return uri.startsWith('file:')
    ? { title, command: 'vscode.open', arguments: [`${uri}#L${line},${column}`] }
    : { title, command: 'workbench.actions.view.problems' };
}

async function runCommands(runsFolder: string, name: string): Promise<Command[]> {
  const { ids, glances } = await runsOf(runsFolder, name);
  if (ids.length === 0) return [];
  const title = `${countOf(ids.length, 'run')}${newsOf(glances)}`;
  const commands: Command[] = [{ title, command: 'sage.openDashboard', arguments: [ids[0]] }];
  if (ids.length > 1) {
    const compared = ids.slice(0, mostCompared);
    const which = ids.length > mostCompared ? `the newest ${compared.length}` : `${compared.length} runs`;
    commands.push({ title: `Compare ${which}`, command: 'sage.compareRuns', arguments: [compared] });
  }
  return commands;
}

/** Where the newest run stands, and the last reward that any of the newest has. */
function newsOf(glances: readonly RunGlance[]): string {
  const [newest] = glances;
  if (newest === undefined) return '';
  const { status, iterations, iterationsPlanned } = newest;
  const of = iterationsPlanned === null ? '' : ` of ${count(iterationsPlanned)}`;
  const going = status === 'running' || status === 'paused';
  const state = going || status === 'crashed' || status === 'failed' ? ` · ${status}` : '';
  const progress = going ? `, iteration ${count(iterations)}${of}` : '';
  const reward = glances.find((glance) => glance.reward !== null)?.reward ?? null;
  return `${state}${progress}${reward === null ? '' : ` · last reward ${reward.toFixed(2)}`}`;
}
