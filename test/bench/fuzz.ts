/**
 * `node bootstrap.mjs fuzz`: everything that the language server does, on many texts that nobody would write. Writes
 * results/fuzz-SEED.json; exits with 1 where a feature throws, takes longer than a second, or keeps memory.
 *
 *   node --expose-gc test/bench/fuzz.ts [--texts 100000] [--seed 1] [--no-write]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../engine/package-root.ts';
import { collectProvenance } from '../../engine/run/provenance.ts';
import { fuzzedTexts, hostile, type FuzzedText } from '../support/config-fuzz.ts';
import { asked } from '../support/language.ts';
import { features } from '../support/language-pass.ts';
import { uniforms } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    texts: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    'no-write': { type: 'boolean', default: false },
  },
});
const count = Number(options.texts);
const seed = Number(options.seed);
/** Milliseconds of this process, so that others on the machine do not count. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds after which an editor's user would call it hung. */
const hang = 1000;
const collect = globalThis.gc ?? (() => {});

interface Fault {
  what: string;
  feature: string;
  why: string;
}
const faults: Fault[] = [];
const slowest: Record<string, number> = {};
const random = uniforms(seed + 1);

async function tryAll({ text, kind }: FuzzedText, name: string): Promise<void> {
  const fresh = asked(text);
  const { document } = fresh.config;
  const at = document.positionAt(Math.floor(random() * (text.length + 1)));
  for (const [feature, ask] of Object.entries(features)) {
    const fault = (why: string) => {
      faults.push({ what: name, feature, why });
      console.log(
        `\n${name}, ${feature} at ${at.line}:${at.character}: ${why}\n${JSON.stringify(text.slice(0, 2000))}\n`,
      );
    };
    const begin = processorTime();
    try {
      await ask(fresh, at);
    } catch (error) {
      fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const took = processorTime() - begin;
    const key = `${kind}: ${feature}`;
    slowest[key] = Math.max(slowest[key] ?? 0, took);
    if (took > hang) fault(`took ${Math.round(took)} ms`);
  }
}

const heap = () => {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

for (const [name, make] of Object.entries(hostile)) await tryAll({ text: make(), kind: 'hostile' }, name);
const texts = fuzzedTexts(seed);
const tenth = Math.max(1, Math.floor(count / 10));
const heaps: number[] = [];
const begin = performance.now();
for (let i = 0; i < count; i++) {
  await tryAll(texts.next().value as FuzzedText, `text ${i} of seed ${seed}`);
  if ((i + 1) % tenth === 0) {
    heaps.push(heap());
    console.log(`${i + 1} texts, ${faults.length} faults, heap ${heaps.at(-1)!.toFixed(0)} MiB`);
  }
  if (faults.length > 20) break;
}
const seconds = (performance.now() - begin) / 1000;
const grows = heaps.length > 2 && heaps.at(-1)! > 1.2 * heaps[1] + 10;

const { versions, cpu, cores, platform, commit, modified } = await collectProvenance({
  seed,
  folder: packageRoot(),
  versions: {},
});
const result = {
  date: new Date().toISOString(),
  command: `node bootstrap.mjs fuzz --texts ${count} --seed ${seed}`,
  ...{ machine: { cpu, cores, platform }, commit, modified, versions },
  ...{ texts: count, seed, hostileTexts: Object.keys(hostile).length, faults: faults.length, seconds },
  heapMiB: heaps.map(Math.round),
  slowestMilliseconds: Object.fromEntries(Object.entries(slowest).map(([key, value]) => [key, Math.round(value)])),
};
console.log(JSON.stringify(result, null, 2));
if (!options['no-write']) {
  const results = path.join(import.meta.dirname, 'results');
  mkdirSync(results, { recursive: true });
  writeFileSync(path.join(results, `fuzz-${seed}.json`), `${JSON.stringify(result, null, 2)}\n`);
}
process.exit(faults.length > 0 || grows ? 1 : 0);
