import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { allCodes, codeInfo, docsAnchor, type ExampleFile } from '../../../engine/config/codes.ts';
import { generatedFiles } from '../../../engine/config/generated.ts';
import { validateText } from '../../../engine/config/load.ts';
import { packageRoot } from '../../../engine/package-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'sage-codes-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(file: string, content: ExampleFile): void {
  if ('text' in content) writeFileSync(file, content.text);
  else if ('bytes' in content) writeFileSync(file, Buffer.from(content.bytes, 'hex'));
  else if ('folder' in content) mkdirSync(file);
  else symlinkSync(content.link, file);
}

describe('every code', () => {
  it.each(allCodes)('%s is provoked by its example alone', (code) => {
    const { example, files = {}, flags, severity } = codeInfo(code)!;
    const home = join(folder, code.replace('/', '-'));
    mkdirSync(home);
    for (const [name, content] of Object.entries(files)) write(join(home, name), content);
    const found = validateText(example, { file: join(home, 'example.sage.yaml'), overrides: flags, freeBytes: 1e14 });
    // A GPU's memory is too small for some of the examples.
    const others = found.filter((d) => d.code === code || d.code !== 'config/memory');
    expect(others.map((d) => `${d.severity} ${d.code}`)).toContain(`${severity} ${code}`);
    expect([...new Set(others.map((d) => d.code))]).toEqual([code]);
  });

  it('that the sources name is known, and the other way about', () => {
    const sources = join(packageRoot(), 'engine', 'config');
    const text = readdirSync(sources)
      .filter((name) => name.endsWith('.ts') && !name.startsWith('codes'))
      .map((name) => readFileSync(join(sources, name), 'utf8'))
      .join('\n');
    const named = [
      ...text.matchAll(/'config\/([a-z0-9-]+)'/g),
      ...text.matchAll(/\b(?:error|warn|fail|say)\(\s*'([a-z0-9-]+)'/g),
      ...text.matchAll(/return \[\s*'([a-z]+(?:-[a-z]+)+)',/g),
    ].map(([, name]) => `config/${name}`);
    // Those of the method's own errors, and of what reads a key.
    const derived = ['steps-too-many', 'window-outside-schedule', 'torch-only', 'onnx-only'].map((n) => `config/${n}`);
    expect([...new Set([...named, ...derived])].sort()).toEqual([...allCodes].sort());
  });

  it('has a heading that its anchor leads to', () => {
    const page = generatedFiles()['docs/diagnostics.md'];
    const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(allCodes);
    // As GitHub and VS Code make anchors: lower case, punctuation but hyphens left out.
    for (const title of headings) expect(docsAnchor(title)).toBe(title.toLowerCase().replace(/[^a-z0-9 -]/g, ''));
    expect(docsAnchor('run/locked')).toBeNull();
  });
});
