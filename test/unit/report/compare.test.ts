import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisonText } from '../../../engine/report/compare.ts';
import { compareRuns } from '../../../engine/run/compare.ts';
import { writeFixtureRun } from './fixture.ts';

let folder: string;
let runs: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sage-compare-'));
  runs = [
    await writeFixtureRun(folder, { iterations: 20, name: 'long' }),
    await writeFixtureRun(folder, { iterations: 5, name: 'short', evaluations: false, status: 'stopped' }),
  ];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a comparison of runs', () => {
  it('sets results and differing settings side by side, in aligned columns', async () => {
    const text = comparisonText(await compareRuns(runs));
    const [header, long, short, gap, names, ...differences] = text.split('\n');
    expect(header.split(/\s{2,}/)).toEqual([
      'run',
      'status',
      'iterations',
      'reward',
      'change',
      'best',
      'distance',
      'change',
      'time',
    ]);
    expect(long).toMatch(/^long-\d+-\d+ +finished +20 +1\.26 → 1\.43 +\+0\.171 +1\.43 +0\.155 → 0\.144 +−0\.0109 /);
    expect(short).toMatch(/^short-\d+-\d+ +stopped +5 +– +– +– +– +– /);
    expect(short.indexOf('stopped')).toBe(long.indexOf('finished'));
    expect(gap).toBe('');
    expect(names).toMatch(/^config +long-\S+ +short-\S+$/);
    expect(differences.map((line) => line.trim().split(/\s{2,}/))).toEqual([
      ['name', 'long', 'short'],
      ['training.iterations', '20', '5'],
    ]);
  });

  it('says so when the configs are the same, and keeps quiet about one run alone', async () => {
    expect(comparisonText(await compareRuns([runs[0], runs[0]]))).toContain('The configs are the same.');
    expect(comparisonText(await compareRuns([runs[0]])).split('\n')).toHaveLength(2);
  });
});
