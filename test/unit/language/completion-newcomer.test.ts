import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { analyseText } from '../../../engine/config/analyse.ts';
import { listPresets } from '../../../engine/config/presets.ts';
import { readTree } from '../../../engine/config/tree.ts';
import { keyAt } from '../../../engine/config/walk.ts';
import { allPrompts } from '../../../engine/shapes/grammar.ts';
import { blockOf, isKey, keysIn } from '../../support/completion-oracle.ts';
import { uniforms } from '../../bench/statistics.ts';
import { completionEditor, type CompletionEditor } from '../../support/completion-editor.ts';

const example = readFileSync(listPresets().find(({ name }) => name === 'hunyuan-video-1.5')!.file, 'utf8');

/** Writes a block as a newcomer does: accepts each key, then accepts its value where there is a choice, or else types it. */
async function write(editor: CompletionEditor, block: object, path: string[] = []): Promise<void> {
  for (const [i, [name, value]] of Object.entries(block).entries()) {
    if (i > 0) editor.enter(2 * path.length);
    await editor.accept(name);
    const info = keyAt([...path, name].join('.'))!;
    if (info.kind === 'block') await write(editor, value as object, [...path, name]);
    else if (info.kind === 'prompts') await writeList(editor, value as string[]);
    else if (Array.isArray(value)) await writeWords(editor, value as string[]);
    else if (info.kind === 'choice' || info.kind === 'choices' || info.kind === 'boolean')
      await editor.accept(String(value));
    else editor.type(String(value));
  }
}

async function writeWords(editor: CompletionEditor, words: string[]): Promise<void> {
  await editor.accept('a list');
  for (const [i, word] of words.entries()) {
    if (i > 0) editor.type(', ');
    await editor.accept(word);
  }
  editor.leave();
}

async function writeList(editor: CompletionEditor, prompts: string[]): Promise<void> {
  await editor.accept('a list');
  for (const [i, prompt] of prompts.entries()) {
    if (i > 0) {
      editor.enter(2);
      editor.type('- ');
    }
    editor.type(prompt);
  }
}

// VS Code completes the words of a choice by itself once the key is written; other editors get them as a tab stop.
it.each([true, false])(
  'lets a newcomer write the HunyuanVideo-1.5 config from an empty file (%s)',
  async (commands) => {
    const file = '/config/hunyuan-video-1.5.sage.yaml';
    const editor = completionEditor(file, { commands });
    await write(editor, readTree(example).value as object);
    expect(readTree(editor.text).value).toEqual(readTree(example).value);
    const written = analyseText(editor.text, { file });
    expect(written.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(written.config).toEqual(analyseText(example, { file }).config);
  },
);

it('offers each preset whole in an empty file', async () => {
  for (const { name, file } of listPresets()) {
    const editor = completionEditor('/config/new.sage.yaml');
    await editor.accept(`Whole config: ${name}`);
    expect(editor.text).toBe(readFileSync(file, 'utf8'));
  }
});

it('makes a config that runs of the blocks with their usual keys, on the CPU and on GPUs', async () => {
  for (const model of ['shapes', 'hunyuan-video-1.5', 'wan-2.1']) {
    const editor = completionEditor('/config/new.sage.yaml');
    await editor.accept('policy');
    await editor.accept('model');
    editor.type(model);
    for (;;) {
      editor.enter(0);
      const item = (await editor.offers()).find(({ label }) => /^\w+: (?!all|a file)/.test(label));
      if (item === undefined) break;
      await editor.accept(item.label);
      if (item.label === 'prompts: a list') editor.type(allPrompts().slice(0, 4).join('\n  - '));
      else editor.leave();
    }
    const { diagnostics } = analyseText(editor.text);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(editor.text).toContain('trust_region:\n  anchor: { mode: moving, interval: 10 }');
  }
});

it('leaves a text that can be read, with each key in its block, whatever is accepted', async () => {
  let accepted = 0;
  for (const { file } of listPresets()) {
    const text = readFileSync(file, 'utf8').replaceAll('\n\n', '\n  \n');
    const random = uniforms(7);
    for (let at = 0; at <= text.length; at += 1 + Math.floor(random() * 20)) {
      const editor = completionEditor(file, { commands: random() < 0.5 }, { text, at });
      const items = await editor.offers();
      const item = items[Math.floor(random() * items.length)];
      if (item === undefined) continue;
      const start = await editor.accept(item.label);
      expect(parseDocument(editor.text).errors, `${item.label} at ${at} of\n${editor.text}`).toEqual([]);
      if (isKey(item)) expect(keysIn(blockOf(item.label, editor.text, start) ?? ['none'])).toContain(item.label);
      accepted++;
    }
  }
  expect(accepted).toBeGreaterThan(80);
});
