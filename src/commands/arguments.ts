/** What a command was called with: ids of runs, and the iteration of a checkpoint or of rollouts. */
export interface RunArguments {
  runs: string[];
  iteration: number | null;
}

type Loose = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null;
}

function runsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(runsIn);
  if (!isObject(value)) return [];
  return runsIn(value.run ?? value.runs ?? value.id ?? []);
}

/**
 * Reads the arguments of a command on runs: an id, a list of ids, `{ run, from }`, an item of the tree with the selection
 * beside it, or `{ of: 'dashboard' }` for the run of the dashboard in front.
 */
export function runArguments(argument: unknown, selection: unknown, front: string | null): RunArguments {
  const inFront = isObject(argument) && argument.of === 'dashboard';
  const clicked = inFront ? (front === null ? [] : [front]) : runsIn(argument);
  const selected = Array.isArray(selection) ? runsIn(selection) : [];
  // A menu that is opened beside the selection is meant for its own item.
  const runs = clicked.every((run) => selected.includes(run)) && selected.length > 0 ? selected : clicked;
  const from = isObject(argument) ? (argument.from ?? argument.iteration) : undefined;
  return { runs: [...new Set(runs)], iteration: typeof from === 'number' ? from : null };
}
