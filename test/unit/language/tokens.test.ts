import { expect, it } from 'vitest';
import { semanticTokens, tokensLegend } from '../../../src/language/server/features/tokens.ts';
import { asked } from '../../support/language.ts';
import { presets, spoiltPresets } from '../../support/spoilt-presets.ts';

/** The tokens of a text: what is coloured, and as what. */
function tokensOf(text: string): { words: string; kind: string; line: number }[] {
  const lines = text.split('\n');
  const { data } = semanticTokens(asked(text));
  const found = [];
  let [line, character] = [0, 0];
  for (let i = 0; i < data.length; i += 5) {
    character = data[i] === 0 ? character + data[i + 1] : data[i + 1];
    line += data[i];
    const modifiers = tokensLegend.tokenModifiers.filter((_, bit) => data[i + 4] & (1 << bit));
    const kind = [tokensLegend.tokenTypes[data[i + 3]], ...modifiers].join('.');
    found.push({ words: lines[line].slice(character, character + data[i + 2]), kind, line });
  }
  return found;
}
const shown = (text: string) => tokensOf(text).map(({ words, kind }) => `${words} ${kind}`);

it('tells kernels, models, components, numbers with units, words and switches apart', () => {
  const text = `policy: {model: shapes, activation_checkpointing: true}
prompts: all
sampling: {steps: 10, shift: 3.0}
exploration: {kernel: sage, window: null}
reward: {model: shapes-judge, weights: {VQ: 0.5}}
equalizer: {mode: analytic}
name: mine
`;
  expect(shown(text)).toEqual([
    ...['policy namespace', 'model property', 'shapes class', 'activation_checkpointing property', 'true keyword'],
    ...['prompts property', 'all enumMember'],
    ...['sampling namespace', 'steps property', '10 number.unit', 'shift property', '3.0 number'],
    ...['exploration namespace', 'kernel property', 'sage function', 'window namespace', 'null keyword'],
    ...['reward namespace', 'model property', 'shapes-judge class', 'weights namespace', 'VQ parameter', '0.5 number'],
    ...['equalizer namespace', 'mode property', 'analytic enumMember'],
    ...['name property', 'mine string'],
  ]);
});

it('leaves what the schema does not know to the grammar', () => {
  expect(shown('exploration: {kernel: saga, ete: 1}\nother: {steps: 3}\n')).toEqual([
    ...['exploration namespace', 'kernel property'],
  ]);
});

it('colours prompts as text, and anchors where they are made and used', () => {
  expect(shown('prompts: &p\n  - a red circle moving left\nevaluation: {prompts: *p}\n')).toEqual([
    ...['prompts property', '&p variable.declaration', 'a red circle moving left string'],
    ...['evaluation namespace', 'prompts property', '*p variable'],
  ]);
  expect(shown('prompts: {file: a.csv, column: text, shuffle: false}\n')).toEqual([
    ...['prompts property', 'file property', 'a.csv string', 'column property', 'text string'],
    ...['shuffle property', 'false keyword'],
  ]);
});

it('names the preset that a config extends', () => {
  expect(shown('extends: shapes\n')).toEqual(['extends property', 'shapes class']);
});

it('are in the order of the text, inside their lines and never over one another, whatever the text', () => {
  let count = 0;
  for (const text of [...presets.map((preset) => preset.text), ...spoiltPresets(100, 11)]) {
    const { data } = semanticTokens(asked(text));
    const lengths = text.split('\n').map((line) => line.length);
    let [line, end] = [0, 0];
    let character = 0;
    for (let i = 0; i < data.length; i += 5) {
      if (data[i] > 0) [line, character, end] = [line + data[i], data[i + 1], 0];
      else character += data[i + 1];
      expect(character).toBeGreaterThanOrEqual(end);
      end = character + data[i + 2];
      expect(end).toBeLessThanOrEqual(lengths[line]);
      expect(data[i + 2]).toBeGreaterThan(0);
      count++;
    }
  }
  expect(count).toBeGreaterThan(3000);
});
