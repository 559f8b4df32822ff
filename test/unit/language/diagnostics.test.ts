import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DiagnosticSeverity, DiagnosticTag, type Diagnostic } from 'vscode-languageserver/node';
import { listPresets } from '../../../engine/config/presets.ts';
import { diagnostics } from '../../../src/language/server/features/diagnostics.ts';
import { asked } from '../../support/language.ts';

/** Each finding as `severity code`, and the lines of the text with what is underlined below. */
async function underlined(text: string): Promise<string> {
  const shown: string[] = [];
  for (const { range, severity, code } of await diagnostics(asked(text))) {
    expect(range.end.line).toBe(range.start.line);
    const line = text.split(/\r?\n/)[range.start.line];
    expect(range.end.character).toBeLessThanOrEqual(line.length);
    const mark = '~'.repeat(Math.max(1, range.end.character - range.start.character));
    shown.push(
      `${range.start.line + 1}: ${line}\n   ${' '.repeat(range.start.character)}${mark} ${severity === 1 ? 'error' : 'warning'} ${code}`,
    );
  }
  return shown.join('\n');
}

describe('Diagnostics of a config', () => {
  it.each(listPresets())(
    'have no error for the preset $name, and nothing that only the library says',
    async ({ file }) => {
      const found = await diagnostics(asked(readFileSync(file, 'utf8'), file));
      expect(found.filter(({ severity }) => severity === DiagnosticSeverity.Error)).toEqual([]);
      expect(
        found.map(({ code }) => code).filter((code) => code === 'config/schema' || code === 'config/yaml'),
      ).toEqual([]);
    },
  );

  it('underline the key or the value that is meant, once', async () => {
    const text = [
      'policy:',
      '  modl: shapes',
      '  threads: two',
      'sampling: { steps: 10, shift: 300, guidance: 1 }',
      'exploration:',
      '  kernel: saeg',
      'reward:',
      '  weights:',
      '    VQ: 0',
      '    MQ: 0',
      '    TA: 0',
      'rollout: { prompts_per_iteration: 5, generations: 7 }',
      '',
    ].join('\n');
    expect(await underlined(text)).toMatchInlineSnapshot(`
      "2:   modl: shapes
           ~~~~ error config/unknown-key
      3:   threads: two
                    ~~~ error config/wrong-type
      4: sampling: { steps: 10, shift: 300, guidance: 1 }
                                       ~~~ error config/out-of-range
      6:   kernel: saeg
                   ~~~~ error config/invalid-choice
      8:   weights:
           ~~~~~~~ error config/zero-reward
      12: rollout: { prompts_per_iteration: 5, generations: 7 }
                                                           ~ error config/micro-batch"
    `);
  });

  it('stay right in a text with Windows line breaks, letters beyond ASCII and a byte order mark', async () => {
    const text = 'name: é😀\r\nexploration: { # 😀\r\n  eta: "😀", etaa: 2 }\r\n';
    expect(await underlined(text)).toMatchInlineSnapshot(`
      "1: name: é😀
               ~~~ error config/invalid-value
      3:   eta: "😀", etaa: 2 }
                ~~~~ error config/wrong-type
      3:   eta: "😀", etaa: 2 }
                      ~~~~ error config/unknown-key"
    `);
    const [first] = await diagnostics(asked(`\uFEFF${text}`));
    expect(first.range.start).toEqual({ line: 0, character: 7 });
  });

  it('say what only the library sees, and nothing twice, in a text that cannot be read', async () => {
    expect(await underlined('naem: a\nseed: -3\npolicy:\n  threads: 2\n\nprompts: [a\nrollout: {\n'))
      .toMatchInlineSnapshot(`
      "7: rollout: {
         ~ error config/yaml
      8: 
         ~ error config/yaml
      2: seed: -3
               ~~ warning config/schema
      1: naem: a
         ~~~~ warning config/schema"
    `);
    const twice = await diagnostics(asked('name: a\nname: b\n'));
    expect(twice.map(({ code, range }) => [code, range.start])).toEqual([
      ['config/duplicate-key', { line: 1, character: 0 }],
    ]);
    expect(await underlined('exploration:\n\teta: 1\n')).toMatchInlineSnapshot(`
      "2: 	eta: 1
         ~ error config/tab"
    `);
    expect(await underlined('seed: &unused 1\n')).toMatchInlineSnapshot(`
      "1: seed: &unused 1
               ~~~~~~~ warning config/yaml"
    `);
  });

  it('take no schema from the text and complain of no block that is commented out', async () => {
    expect(
      await diagnostics(
        asked('# yaml-language-server: $schema=https://example.org/x.json\npolicy:\n  # model: shapes\n'),
      ),
    ).toEqual([]);
  });

  it('name one source, a code, and the page on which the code is explained', async () => {
    const [found] = await diagnostics(asked('exploration: {ete: 1}\n'));
    expect(found).toMatchObject({ source: 'sage', code: 'config/unknown-key' });
    expect(found.message).toContain('Did you mean');
    const page = new URL(found.codeDescription!.href);
    expect(page.protocol).toBe('file:');
    expect(page.hash).toBe('#configunknown-key');
    expect(fileURLToPath(new URL(page.pathname, 'file://'))).toMatch(/docs.diagnostics\.md$/);
  });

  it('fade a key without effect', async () => {
    const text =
      'equalizer: { mode: none, decay: 0.5 }\npolicy: { adapter: { kind: lora } }\ntrust_region: { beta: { weight: 0, initial: 0, minimum: 0 } }\n';
    const found = await diagnostics(asked(text));
    const faded = (tags: Diagnostic['tags']) => tags?.includes(DiagnosticTag.Unnecessary) ?? false;
    expect(found.map(({ data, tags }) => [(data as { path: string }).path, faded(tags)])).toEqual([
      ['equalizer.decay', true],
      ['policy.adapter.kind', true],
      // Here the value is at fault, not the line.
      ['trust_region.beta.weight', false],
    ]);
  });

  it('lead to the other keys of a conflict', async () => {
    const text =
      'rollout:\n  prompts_per_iteration: 5\n  generations: 7\ntraining: { micro_batch: 4 }\nname: a\nname: b\n';
    const found = await diagnostics(asked(text, '/config/a.sage.yaml'));
    const related = found.map(({ code, relatedInformation = [] }) => ({
      code,
      others: relatedInformation.map(({ message, location }) => `${location.range.start.line + 1}: ${message}`),
    }));
    expect(related).toMatchInlineSnapshot(`
      [
        {
          "code": "config/micro-batch",
          "others": [
            "2: rollout.prompts_per_iteration is 5.",
            "3: rollout.generations is 7.",
          ],
        },
        {
          "code": "config/duplicate-key",
          "others": [
            "5: It stands here first.",
          ],
        },
      ]
    `);
  });

  it('carry the path and the fixes, for clients that make quick fixes themselves', async () => {
    const [{ data }] = await diagnostics(asked('exploration: {ete: 1}\n'));
    expect(data).toMatchObject({ path: 'exploration.ete' });
  });

  it('know a text from the one before, though both have the first version', async () => {
    const codes = async (text: string) => (await diagnostics(asked(text))).map(({ code }) => code);
    expect(await codes('seed: &a 1\n')).toEqual(['config/yaml']);
    expect(await codes('seed: 1\n')).toEqual([]);
  });

  it('give no library a text whose aliases would keep it busy', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => `- &a${i} 1\n- *a${i}\n`);
    expect((await diagnostics(asked(items.join('')))).map(({ code }) => code)).toEqual(['config/not-a-block']);
  });

  it('give no library a text that is too deep for it', async () => {
    const found = await diagnostics(asked(`a: ${'['.repeat(20_000)}`));
    expect(found.map(({ code }) => code)).toEqual(['config/too-deep']);
  });
});
