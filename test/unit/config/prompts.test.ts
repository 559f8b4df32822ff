import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkText, formatDiagnostic, loadConfig } from '../../../engine/config/load.ts';
import { loadEvaluationPrompts, loadPrompts } from '../../../engine/config/prompts.ts';
import { allPrompts } from '../../../engine/shapes/grammar.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-prompts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const torch = 'policy: {model: wan-2.1}\nrollout: {prompts_per_iteration: 1}\n';
const file = join(folder, 'a.sage.yaml');

/** Prompts of a torch config that names a file with these contents. */
function promptsOf(name: string, contents: string | Buffer, more = ''): string[] {
  writeFileSync(join(folder, name), contents);
  const { config, diagnostics } = checkText(`${torch}prompts: {file: ${name}${more}}`, { file });
  if (config === null) throw new Error(diagnostics.map((d) => formatDiagnostic(d, '')).join('\n'));
  return loadPrompts(config, folder);
}

/** Errors of a config with this `prompts` line, as `line:column message | remedy`. */
function errorsOf(prompts: string, head = torch): string[] {
  const { diagnostics } = checkText(`${head}prompts: ${prompts}`, { file });
  const errors = diagnostics.filter((d) => d.severity === 'error');
  return errors.map((d) => `${d.line}:${d.column} ${d.message.replaceAll(folder, '…')} | ${d.remedy}`);
}

describe('prompt files', () => {
  it('.txt has one prompt a line; blank lines and comments are skipped, CRLF and byte order mark do not show', () => {
    expect(promptsOf('a.txt', '\uFEFFa cat\r\n\r\n# not this\r\n  a dog 🐕\r\n')).toEqual(['a cat', 'a dog 🐕']);
  });

  it('.csv may quote commas, quotes and line breaks, and names its columns', () => {
    const csv = '\uFEFFid,prompt\r\n1,a cat\r\n2,"a dog, ""big"",\nrunning"\r\n\r\n3,<b>x</b>\r\n';
    expect(promptsOf('a.csv', csv)).toEqual(['a cat', 'a dog, "big",\nrunning', '<b>x</b>']);
    expect(promptsOf('b.csv', 'text\na cat\n', ', column: text')).toEqual(['a cat']);
  });

  it('.jsonl has strings or objects, and preserves whatever is in them', () => {
    const long = 'x'.repeat(10_000);
    const odd = 'a\nb\u0007 👩‍👩‍👧 <script>\u2028';
    const lines = [JSON.stringify('a cat'), JSON.stringify({ prompt: odd }), '', JSON.stringify({ prompt: long })];
    expect(promptsOf('a.jsonl', lines.join('\r\n'))).toEqual(['a cat', odd, long]);
  });

  it('what is wrong with a file is said with the line of the file, at the key that names it', () => {
    writeFileSync(join(folder, 'bad.csv'), 'prompt\na cat, on a mat\n');
    writeFileSync(join(folder, 'quote.csv'), 'prompt\n"a cat\n');
    writeFileSync(join(folder, 'column.csv'), 'id,Promt\n1,a cat\n');
    writeFileSync(join(folder, 'bad.jsonl'), '"a cat"\n{"text": "a dog"}\n');
    writeFileSync(join(folder, 'empty.txt'), '# none\n');
    writeFileSync(join(folder, 'blank.csv'), 'id,prompt\n1,a cat\n2,\n');
    writeFileSync(join(folder, 'latin.txt'), Buffer.from([0x63, 0xe9]));
    writeFileSync(join(folder, 'wide.txt'), Buffer.from('\uFEFFa cat', 'utf16le'));
    expect(
      [
        'bad.csv',
        'quote.csv',
        'column.csv',
        'bad.jsonl',
        'empty.txt',
        'blank.csv',
        'latin.txt',
        'wide.txt',
        'nul.md',
        'bed.csv',
      ].map((name) => errorsOf(`{file: ${name}}`)),
    ).toEqual([
      [
        '3:17 "bad.csv" line 2 is not valid CSV: it has another number of fields than the first line. | Put a prompt that has commas, quotes or line breaks in quotes, and double the quotes inside it.',
      ],
      [
        '3:17 "quote.csv" line 2 is not valid CSV: its quotes do not match. | Put a prompt that has commas, quotes or line breaks in quotes, and double the quotes inside it.',
      ],
      ['3:17 "column.csv" has no column "prompt". | Did you mean `column: Promt`?'],
      [
        '3:17 "bad.jsonl" line 2 has no prompt: "{"text": "a dog"}". | Write {"prompt": "…"} or a quoted string on each line.',
      ],
      ['3:17 "empty.txt" has no prompts. | Write one prompt a line; lines that begin with # are skipped.'],
      ['3:17 "blank.csv" line 3: the prompt is empty. | Write a prompt, or remove it.'],
      ['3:17 "…/latin.txt" is not UTF-8 text. | Save it as UTF-8, or give another file.'],
      ['3:17 "…/wide.txt" is UTF-16 text. | Save it as UTF-8.'],
      [
        '3:17 "nul.md" is not a kind of prompt file that can be read. | Give a .txt (one prompt a line), a .csv or a .jsonl.',
      ],
      ['3:17 There is no file "…/bed.csv". | Did you mean "bad.csv"?'],
    ]);
    expect(errorsOf('{file: column.csv, column: text}')).toEqual([
      '3:37 "column.csv" has no column "text". | Name one of its columns: "id", "Promt".',
    ]);
  });

  it('files are not looked for when the caller asks for that', () => {
    const codes = checkText(`${torch}prompts: {file: nowhere.txt}`, { file, checkFiles: false }).diagnostics.map(
      (d) => d.code,
    );
    expect(codes).toEqual([]);
  });
});

describe('prompts of the Shapes world', () => {
  const shapes = 'rollout: {prompts_per_iteration: 1}\ntraining: {micro_batch: 8}\n';

  it('are all 72 by default, for training and evaluation', () => {
    const { config } = checkText('seed: 1');
    expect(loadPrompts(config!, folder)).toEqual(allPrompts());
    expect(loadEvaluationPrompts(config!, folder)).toHaveLength(72);
  });

  it('evaluation may have its own', () => {
    const { config } = checkText('evaluation: {prompts: [a red circle moving up]}');
    expect(loadEvaluationPrompts(config!, folder)).toEqual(['a red circle moving up']);
  });

  it('outside the grammar are refused with a short, harmless quotation', () => {
    const odd = ['a red circle moving lft', 'a 🦊\\n\\u202e<script>', 'y'.repeat(10_000)].map((text) => `"${text}"`);
    const pattern =
      'Write "a COLOR SHAPE moving DIRECTION": red, green, blue, yellow, magenta, cyan; circle, square, triangle; left, right, up, down.';
    expect(errorsOf(`[${odd.join(', ')}]`, shapes)).toEqual([
      '3:11 The Shapes model does not know the prompt "a red circle moving lft". | Did you mean "a red circle moving left"?',
      `3:38 The Shapes model does not know the prompt "a 🦊\\n\\u{202e}<script>". | ${pattern}`,
      `3:62 The Shapes model does not know the prompt "${'y'.repeat(60)}…" (10,000 characters). | ${pattern}`,
    ]);
  });

  it('many bad prompts of a file are counted, not listed', () => {
    writeFileSync(join(folder, 'cats.txt'), Array.from({ length: 40 }, (_, i) => `cat ${i}`).join('\n'));
    const errors = errorsOf('{file: cats.txt}', shapes);
    expect(errors).toHaveLength(6);
    expect(errors[0]).toContain('"cats.txt" line 1: the Shapes model does not know the prompt "cat 0".');
    expect(errors[5]).toContain('35 more prompts cannot be used.');
  });

  it('given twice are pointed out, however they are spelt', () => {
    const text = `${shapes}prompts: [a red circle moving left, a blue square moving up, The red circle moving left.]`;
    const { diagnostics } = checkText(text);
    expect(diagnostics.map((d) => formatDiagnostic(d, '').split('\n')[0])).toEqual([
      ':3:62: warning: The prompt "The red circle moving left." is given twice; it is drawn as often.',
    ]);
  });
});

it('a prompt file is found from the folder of the config', () => {
  writeFileSync(join(folder, 'near.txt'), 'a cat\n');
  writeFileSync(file, `${torch}prompts: {file: ./near.txt}\n`);
  expect(loadPrompts(loadConfig(file).config, folder)).toEqual(['a cat']);
});
