import { access, constants, stat, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Advice } from '../advice.ts';
import { loadConfig } from '../config/load.ts';
import { exitCodes } from '../errors.ts';
import { packageVersion } from '../package-root.ts';
import { createShapesPolicy } from '../policy/onnx/shapes-policy.ts';
import { torchFindings, type Subject } from './doctor-torch.ts';
import { errorText, remedyText, table } from './output.ts';

/** One thing that the doctor looked at. */
export interface Finding {
  check: string;
  state: 'ok' | 'note' | 'problem';
  detail: string;
  remedy?: string;
  /** Commands that do what the remedy says. */
  advice?: Advice[];
}

/**
 * Checks what training needs of this machine.
 * @param file a config: what it needs must be there too
 * @returns exit code 1 when something stands in the way of it, or without one, of the embedded model
 */
export async function doctorCommand(
  file: string | undefined,
  options: { runs: string; json: boolean },
): Promise<number> {
  const subject: Subject | null =
    file === undefined ? null : { config: loadConfig(file).config, folder: path.dirname(path.resolve(file)) };
  const findings = [
    node(),
    machine(),
    await embeddedModel(),
    await runsFolder(path.resolve(options.runs)),
    ...(await torchFindings(subject)),
  ];
  if (options.json) {
    process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  } else {
    const rows = findings.map(({ check, state, detail }) => [state, check, detail]);
    process.stdout.write(`sage-grpo ${packageVersion()}\n${table(['', 'check', ''], rows)}\n`);
    for (const finding of findings) if (finding.remedy) process.stdout.write(remedyText(finding));
  }
  return findings.some(({ state }) => state === 'problem') ? exitCodes.failed : exitCodes.done;
}

function node(): Finding {
  return { check: 'Node', state: 'ok', detail: `${process.version} on ${process.platform}-${process.arch}` };
}

function machine(): Finding {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  const free = os.freemem();
  const detail = `${os.availableParallelism()} cores, ${gib(free)} of ${gib(os.totalmem())} GiB memory free`;
  if (free > 2 ** 30) return { check: 'machine', state: 'ok', detail };
  return {
    check: 'machine',
    state: 'note',
    detail,
    remedy: 'The Shapes model wants about 1 GiB; close other programs.',
  };
}

/** Really loads the graphs and the weights. */
async function embeddedModel(): Promise<Finding> {
  try {
    const policy = await createShapesPolicy({ threads: 1 });
    const { parameters, versions } = policy.describe();
    await policy.dispose();
    const detail = `Shapes, ${parameters.toLocaleString('en')} parameters, onnxruntime ${versions['onnxruntime-node']}`;
    return { check: 'embedded model', state: 'ok', detail };
  } catch (error) {
    return {
      check: 'embedded model',
      state: 'problem',
      detail: 'cannot be loaded',
      remedy: errorText(error),
    };
  }
}

async function runsFolder(folder: string): Promise<Finding> {
  const existing = await nearestExisting(folder);
  const blocked = (what: string): Finding => ({
    check: 'runs folder',
    state: 'problem',
    detail: `${existing} ${what}`,
    remedy: 'Choose another folder with --runs, or make this one writable for you.',
  });
  try {
    if (!(await stat(existing)).isDirectory()) return blocked('is a file, not a folder');
    await access(existing, constants.W_OK);
    const { bavail, bsize } = await statfs(existing);
    const free = (bavail * bsize) / 2 ** 30;
    const detail = `${folder}, ${free.toFixed(1)} GiB free`;
    if (free > 1) return { check: 'runs folder', state: 'ok', detail };
    return {
      check: 'runs folder',
      state: 'note',
      detail,
      remedy: 'A run of Shapes takes about 100 MB; free some space.',
    };
  } catch {
    return blocked('cannot be written to');
  }
}

async function nearestExisting(folder: string): Promise<string> {
  try {
    await access(folder);
    return folder;
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : nearestExisting(parent);
  }
}
