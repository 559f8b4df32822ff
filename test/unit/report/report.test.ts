import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium, needsChromium } from '../../support/needs.ts';
import { SageError } from '../../../engine/errors.ts';
import type { HeatMap, LineChart } from '../../../engine/report/chart-types.ts';
import { writeReport } from '../../../engine/report/report.ts';
import type { Pairs } from '../../../engine/report/rollouts.ts';
import { appendRaw, writeFixtureRun } from './fixture.ts';
import type { FixtureOptions } from './fixture.ts';

const hostile = '</script><script>document.title="taken"</script><!-- <b>bold</b> 🐙\u2028"\'&';
const prompts = [hostile, 'line one\nline two', 'word '.repeat(2000), '<img src=x onerror="document.title=1">'];

let folder: string;
let run: string;
let page: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sage-report-'));
  run = await writeFixtureRun(folder, { videos: 6, prompts, configText: `# ${hostile}\nname: demo\n` });
  await writeReport(run, join(folder, 'report.html'));
  page = await readFile(join(folder, 'report.html'), 'utf8');
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Data {
  charts: LineChart[];
  maps: HeatMap[];
  pairs: Pairs | null;
}
const blocks = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`<${name}([^>]*)>([\\s\\S]*?)</${name}>`, 'g'))].map(([, head, content]) => ({
    head,
    content,
  }));
const dataOf = (text: string) =>
  JSON.parse(blocks(text, 'script').find(({ head }) => head.includes('application/json'))!.content) as Data;

async function reportOf(options: FixtureOptions, change?: (run: string) => Promise<unknown>): Promise<string> {
  const other = await writeFixtureRun(folder, { iterations: 3, ...options });
  await change?.(other);
  await writeReport(other, `${other}.html`);
  return readFile(`${other}.html`, 'utf8');
}

describe('a report', () => {
  it('says in its first sentence what the run shows', () => {
    expect(page).toContain(
      'The reward rose from 1.26 to 1.55 over 60 iterations, closing 44\u00a0% of the room left to flawless videos.',
    );
    expect(page).toContain('Videos are closer to the manifold (0.155 → 0.136).');
  });

  it('asks for nothing outside itself', () => {
    expect(page).toContain("default-src 'none'");
    const addresses = [...page.matchAll(/\b(?:src|href|poster|action)="([^"]*)"|url\(([^)]*)\)|@import/g)].map(
      ([whole, address, style]) => address ?? style ?? whole,
    );
    expect(addresses.filter((address) => !/^(#|data:)/.test(address))).toEqual([]);
    expect(page).not.toMatch(/\b(?:fetch|XMLHttpRequest|WebSocket|import)\s*\(/);
  });

  it('allows by hash exactly the script and the style it carries', () => {
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const scripts = blocks(page, 'script').filter(({ head }) => !head.includes('application/json'));
    const styles = blocks(page, 'style');
    expect([scripts.length, styles.length]).toEqual([1, 1]);
    expect(page).toContain(`script-src ${hash(scripts[0].content)};`);
    expect(page).toContain(`style-src ${hash(styles[0].content)};`);
    expect(page).not.toMatch(/unsafe|\son\w+="|\sstyle="/);
  });

  it('shows prompts and config as the text they are', () => {
    const { pairs } = dataOf(page);
    expect(pairs!.shown.slice(0, prompts.length).map((pair) => pair.prompt)).toEqual(prompts);
    expect(blocks(page, 'script').length).toBe(2);
    expect(page).not.toContain('<!-- ');
    expect(page).toContain('# &lt;/script&gt;&lt;script&gt;');
  });

  it('pairs the first with the last videos of the same prompt and noise, inside the file', () => {
    const pairs = dataOf(page).pairs!;
    expect(pairs).toMatchObject({ first: 0, last: 60, available: 6, frames: 8 });
    for (const { before, after } of pairs.shown) {
      expect(before.src).toMatch(/^data:video\/mp4;base64,AAAA/);
      expect(after.poster).toMatch(/^data:image\/png;base64,iVBOR/);
      expect(after.src).not.toBe(before.src);
    }
  });

  it('has every curve and map', () => {
    const { charts, maps } = dataOf(page);
    expect(charts.map((chart) => chart.id)).toEqual([
      'reward',
      'components',
      'distance',
      'kl',
      'beta',
      'imbalance',
      'norms',
      'seconds',
    ]);
    expect(maps.map((map) => map.id)).toEqual(['gradient-raw', 'gradient', 'drift-reference', 'drift-anchor']);
    for (const map of maps) expect([map.values.length, map.values[0].length]).toEqual([9, 60]);
  });

  it('takes evenly spaced pairs when there are too many', async () => {
    await writeReport(run, join(folder, 'few.html'), { mostPairs: 2 });
    const { pairs } = dataOf(await readFile(join(folder, 'few.html'), 'utf8'));
    expect(pairs!.available).toBe(6);
    expect(pairs!.shown.map((pair) => pair.prompt)).toEqual([prompts[1], expect.stringContaining('moving')]);
  });

  it('of a failed run says why and shows what there is', async () => {
    const text = await reportOf({ status: 'failed', message: 'The <disk> is full.', evaluations: false });
    expect(text).toContain('The run failed after iteration 3.');
    expect(text).toContain('The &lt;disk&gt; is full.');
    expect(text).toContain('This run has not been evaluated yet.');
    expect(dataOf(text).pairs).toBeNull();
    expect(dataOf(text).charts.length).toBeGreaterThan(5);
  });

  it('of a run that ended before its first event is still a page', async () => {
    const text = await reportOf({}, (other) => rm(join(other, 'events.jsonl')));
    expect(text).toContain('This run has not been evaluated yet.');
    expect(dataOf(text)).toEqual({ charts: [], maps: [], pairs: null });
  });

  it('leaves out a last event that was cut off', async () => {
    const text = await reportOf({}, (other) => appendRaw(other, '{"seq":99,"kind":"itera'));
    expect(dataOf(text).charts[0].series[0].x).toEqual([1, 2, 3]);
  });

  it('says which videos are missing, and reads none from outside the run', async () => {
    await writeFile(join(folder, 'secret.mp4'), 'not of this run');
    const escaping = await reportOf({ videos: 2 }, async (other) => {
      await rm(join(other, 'evaluations', '000003', 'p0-g0.mp4'));
      const events = await readFile(join(other, 'events.jsonl'), 'utf8');
      await writeFile(join(other, 'events.jsonl'), events.replaceAll('"p1-g0.mp4"', '"../../../secret.mp4"'));
    });
    const { shown } = dataOf(escaping).pairs!;
    expect(shown[0].before.src).not.toBeNull();
    expect([shown[0].after.src, shown[1].before.src, shown[1].after.src]).toEqual([null, null, null]);
  });

  it('counts what makes a run doubtful', async () => {
    const text = await reportOf({
      change: (event) => {
        event.firstReplayRatioDeviation = 3e-4;
        event.deadGroups = 2;
      },
      warnings: [1, 2].map((iteration) => ({ iteration, code: 'x/y', message: 'Something <odd>.', remedy: 'Look.' })),
    });
    expect(text).toContain('1 ± 3.0 × 10⁻⁴');
    expect(text).toContain('6 of 12 (50\u00a0%)');
    expect(text).toMatch(
      /What to look at[\s\S]*The replay does not reproduce the rollout[\s\S]*problem, health\/first-replay-ratio/,
    );
    expect(text).toMatch(/Something &lt;odd&gt;\.[\s\S]*x\/y, 2 times, first at iteration 1/);
  });

  it('of a healthy run has no findings', () => {
    expect(page).not.toContain('What to look at');
  });

  it('that cannot be written says where', async () => {
    const file = join(folder, 'missing', 'report.html');
    const fault = await writeReport(run, file).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(SageError);
    expect((fault as SageError).place.file).toBe(file);
  });

  it('of a folder that is no run is refused', async () => {
    await expect(writeReport(folder, join(folder, 'none.html'))).rejects.toMatchObject({ code: 'run/broken' });
  });

  it('draws itself in a browser under its own policy', { timeout: 60_000 }, async (context) => {
    if (!chromium) context.skip(needsChromium);
    const profile = join(folder, 'profile');
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=4000', '--dump-dom'];
    const address = pathToFileURL(join(folder, 'report.html')).href;
    const { stdout } = await promisify(execFile)(chromium!, [...flags, `--user-data-dir=${profile}`, address], {
      maxBuffer: 1 << 26,
    });
    expect(stdout.match(/<title>(.*?)<\/title>/)![1]).toBe('shapes-demo · SAGE-GRPO report');
    expect(stdout.match(/<video /g)).toHaveLength(12);
    expect(stdout.match(/<svg width/g)!.length).toBeGreaterThan(8);
    expect(stdout.match(/<canvas /g)).toHaveLength(8);
    expect(stdout).toContain('line one\nline two');
  });
});
