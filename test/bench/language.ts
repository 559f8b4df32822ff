import { performance } from 'node:perf_hooks';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { CancellationToken, CancellationTokenSource } from 'vscode-languageserver/node';
import { readPreset } from '../../engine/config/presets.ts';
import { configText } from '../../src/language/server/config-text.ts';
import { complete } from '../../src/language/server/features/completion.ts';
import { diagnostics } from '../../src/language/server/features/diagnostics.ts';
import type { Asked } from '../../src/language/server/request.ts';
import { serverSettings } from '../../src/language/server/settings.ts';
import { createYamlService } from '../../src/language/server/yaml-service.ts';
import { startLanguageServer } from '../support/language.ts';
import { median, spread, type Spread } from './statistics.ts';

export interface LanguageResult {
  lines: number;
  rounds: number;
  diagnosticsMilliseconds: Spread;
  /** yaml-language-server's `doValidation` alone, on the same text. */
  validationMilliseconds: Spread;
  /** By rounds. */
  diagnosticsRatio: Spread;
  /** Of one completion, over several positions. */
  completionMilliseconds: Spread;
  /** yaml-language-server's `doComplete` alone, at the same positions. */
  libraryCompletionMilliseconds: Spread;
  completionRatio: Spread;
  /** From the last of a burst of keystrokes, each of which asks for completion and cancels the one before, to its answer. */
  burstMilliseconds: Spread;
  /** Over one pass of completion and one of diagnostics. */
  burstRatio: Spread;
}

const uri = 'file:///config/long.sage.yaml';
const settings = serverSettings.parse({});

/** A config of HunyuanVideo-1.5 with prompts up to 500 lines. */
function longConfig(): string {
  const lines = readPreset('hunyuan-video-1.5').split('\n');
  const at = lines.findIndex((line) => line.startsWith('  - '));
  const prompts = Array.from(
    { length: 500 - lines.length },
    (_, i) => `  - A paper boat drifts past bridge number ${i}.`,
  );
  return [...lines.slice(0, at), ...prompts, ...lines.slice(at)].join('\n');
}

async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** @param rounds each of all measurements, in turn, after three to warm up */
export async function measureLanguage(rounds: number): Promise<LanguageResult> {
  const text = longConfig();
  const yaml = createYamlService();
  let version = 0;
  /** As after a keystroke: nobody has seen this version before. */
  const fresh = () => TextDocument.create(uri, 'sage-yaml', ++version, `${text}# ${version}\n`);
  const asked = (): Asked => ({ config: configText(fresh()), yaml, settings, token: CancellationToken.None });
  const lines = text.split('\n');
  const places = ['  steps:', '  kernel:', 'training:', '  mode:', '  anchor:'].map((start) => {
    const line = lines.findIndex((each) => each.startsWith(start));
    return { line, character: lines[line].length };
  });
  const times: Record<'diagnostics' | 'validation' | 'completion' | 'library', number[]> = {
    ...{ diagnostics: [], validation: [], completion: [], library: [] },
  };
  for (let round = -3; round < rounds; round++) {
    const found = {
      diagnostics: await timed(() => diagnostics(asked())),
      validation: await timed(() => yaml.doValidation(fresh(), false)),
      completion: 0,
      library: 0,
    };
    for (const at of places) {
      found.completion += (await timed(() => complete(asked(), at))) / places.length;
      found.library += (await timed(() => yaml.doComplete(fresh(), at, false))) / places.length;
    }
    if (round < 0) continue;
    for (const name of Object.keys(times) as (keyof typeof times)[]) times[name].push(found[name]);
  }
  const pass = median(times.completion) + median(times.diagnostics);
  const bursts = await measureBursts(text, places[0], Math.max(3, Math.round(rounds / 3)));
  const ratio = (over: number[], under: number[]) => spread(over.map((value, i) => value / under[i]));
  return {
    ...{ lines: lines.length, rounds },
    diagnosticsMilliseconds: spread(times.diagnostics),
    validationMilliseconds: spread(times.validation),
    diagnosticsRatio: ratio(times.diagnostics, times.validation),
    completionMilliseconds: spread(times.completion),
    libraryCompletionMilliseconds: spread(times.library),
    completionRatio: ratio(times.completion, times.library),
    burstMilliseconds: spread(bursts),
    burstRatio: spread(bursts.map((value) => value / pass)),
  };
}

/** Twenty keystrokes at once, over the real protocol. */
async function measureBursts(text: string, position: { line: number; character: number }, rounds: number) {
  const server = await startLanguageServer();
  const times: number[] = [];
  try {
    for (let round = -2; round < rounds; round++) {
      let last = Promise.resolve<unknown>(null);
      let source: CancellationTokenSource | null = null;
      let begin = 0;
      for (let key = 0; key < 20; key++) {
        source?.cancel();
        source = new CancellationTokenSource();
        begin = performance.now();
        server.write(uri, `${text}# ${'x'.repeat(key)} ${round}\n`);
        last = server.request('textDocument/completion', { textDocument: { uri }, position }, source.token);
        last.catch(() => {});
      }
      await last;
      if (round >= 0) times.push(performance.now() - begin);
      await server.diagnostics(uri);
    }
  } finally {
    await server.stop();
  }
  return times;
}
