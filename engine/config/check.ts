import { mergeBases, type Base, type BaseChain } from './bases.ts';
import { splitPath, valueAt } from './data.ts';
import type { Fix } from './diagnostics.ts';
import { applyEdits } from './edits.ts';
import type { Finding } from './issues.ts';
import { readPrompts } from './prompts.ts';
import { resolve, type Resolved } from './resolve.ts';
import { checkRules } from './rules.ts';

/** What the values of a config are looked at with. */
export interface Surroundings {
  baseFolder: string;
  checkFiles: boolean;
  /** Bytes free for runs; null: as many as they need; undefined: those of `baseFolder`. */
  freeBytes: number | null | undefined;
  /** Name of the run where the config gives none. */
  name: string;
  /** Follows `extends`; see `createBaseReader`. */
  bases: (own: unknown) => BaseChain;
  readPrompts: ReturnType<typeof createPromptReader>;
}

/** All that follows from the values of a config. */
export interface Checked {
  /** Of the file itself. */
  own: unknown;
  /** With those of its bases under them. */
  merged: unknown;
  bases: Base[];
  resolved: Resolved;
  findings: Finding[];
}

/** Fills in and checks plain values. */
export function checkValues(own: unknown, surroundings: Surroundings): Checked {
  const chain = surroundings.bases(own);
  const merged = mergeBases(own, chain.bases);
  const resolved = resolve(merged, own);
  const { config, renamed } = resolved;
  if (valueAt(merged, ['name']) === undefined && !renamed.has('name')) config.name = surroundings.name;
  const stands = (value: unknown) => (path: string) =>
    valueAt(value, splitPath(renamed.get(path) ?? path)) !== undefined;
  const [given, written] = [stands(merged), stands(own)];
  const firstGiven = (...paths: string[]) => paths.find(written) ?? paths.find(given) ?? paths[0];
  const rules = checkRules(resolved, { ...surroundings, given, written, firstGiven });
  return { own, merged, bases: chain.bases, resolved, findings: [...chain.findings, ...resolved.findings, ...rules] };
}

/** Reads prompt sources, each file once. */
export function createPromptReader(
  baseFolder: string,
): (source: Parameters<typeof readPrompts>[0]) => ReturnType<typeof readPrompts> {
  const files = new Map<string, ReturnType<typeof readPrompts>>();
  return (source) => {
    if (typeof source !== 'object' || Array.isArray(source)) return readPrompts(source, baseFolder);
    const id = JSON.stringify([source.file, source.column]);
    const read = files.get(id) ?? readPrompts(source, baseFolder);
    files.set(id, read);
    return read;
  };
}

/** Trials of one analysis, and errors up to which there are any; beyond them no fix is preferred. */
const limits = { trials: 24, errors: 40 };

/** Does a fix: the errors that it makes, or null where it does not take its own away or cannot be tried. */
type Try = (fix: Fix, finding: Finding) => Finding[] | null;

/**
 * Of the likely fixes of each error leaves the mark on the first that makes no other error, found by doing them. Where
 * each makes one, the first of which that one has a likely fix itself is offered with it: "Set sampling.steps to 67, and
 * set training.accumulation to 22".
 * @param canDo whether the file can do a fix; the others are left out
 */
export function preferFixes(checked: Checked, surroundings: Surroundings, canDo: (fix: Fix) => boolean): Finding[] {
  const attempt = createTrial(checked, surroundings);
  return checked.findings.map((finding) => {
    const fixes = (finding.fixes ?? []).filter(canDo);
    const likely = fixes.filter((fix) => fix.preferred);
    const chosen =
      finding.severity === 'warning' ? likely[0] : likely.find((fix) => attempt(fix, finding)?.length === 0);
    const joint = chosen || finding.severity === 'warning' ? null : findJoint(likely, finding, attempt, canDo);
    return { ...finding, fixes: [...(joint ? [joint] : []), ...fixes.map((fix) => mark(fix, fix === chosen))] };
  });
}

function createTrial(checked: Checked, surroundings: Surroundings): Try {
  const errors = (findings: Finding[]) => findings.filter(({ severity }) => severity === 'error');
  const id = ({ code, path }: Finding) => `${code} ${path}`;
  const known = new Set(errors(checked.findings).map(id));
  let trials = 0;
  return (fix, finding) => {
    if (known.size > limits.errors || trials++ >= limits.trials) return null;
    const after = errors(checkValues(applyEdits(checked.own, fix.edits), surroundings).findings);
    if (after.some((other) => id(other) === id(finding))) return null;
    return after.filter((other) => !known.has(id(other)));
  };
}

/** The first fix that, with one of what it makes wrong, puts all right. */
function findJoint(likely: Fix[], finding: Finding, attempt: Try, canDo: (fix: Fix) => boolean): Fix | null {
  for (const fix of likely) {
    const [made, ...others] = attempt(fix, finding) ?? [];
    if (made === undefined || others.length > 0) continue;
    for (const next of (made.fixes ?? []).filter((each) => each.preferred && canDo(each))) {
      const title = `${fix.title}, and ${next.title.charAt(0).toLowerCase()}${next.title.slice(1)}`;
      const joint: Fix = { title, edits: [...fix.edits, ...next.edits], preferred: true };
      if (attempt(joint, finding)?.length === 0) return joint;
    }
  }
  return null;
}

function mark({ title, edits }: Fix, preferred: boolean): Fix {
  return preferred ? { title, edits, preferred } : { title, edits };
}
