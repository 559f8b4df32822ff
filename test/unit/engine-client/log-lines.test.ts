import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainText, readLogLines } from '../../../src/engine/log-lines.ts';

async function linesOf(chunks: readonly Buffer[], line = 40): Promise<{ lines: string[]; tail: string }> {
  const input = new PassThrough();
  const lines: string[] = [];
  const log = readLogLines(input, { line, linesPerSecond: 1e9 }, (text) => lines.push(text));
  for (const chunk of chunks) input.write(chunk);
  input.end();
  await new Promise((resolve) => input.once('end', resolve));
  log.flush();
  return { lines, tail: log.tail() };
}

test('escape sequences and control characters do not reach the log', () => {
  expect(plainText('\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain\x1b(B\r\b\0\u202e ünd 🎬\ttab')).toBe(
    'red plain ünd 🎬\ttab',
  );
});

test('however a text is cut into chunks, its lines are the same, bounded and plain', async () => {
  const text = fc.array(fc.constantFrom('a', 'ü', '🎬', '\n', '\r\n', '\x1b[31m', '\x07', 'x'.repeat(50)), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(100), { maxLength: 10 }), async (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const chunks: Buffer[] = [];
      let from = 0;
      for (const cut of [...cuts, bytes.length]) chunks.push(bytes.subarray(from, (from += cut)));
      const whole = await linesOf([bytes]);
      expect((await linesOf(chunks)).lines).toEqual(whole.lines);
      for (const line of whole.lines) {
        expect(line.length).toBeLessThanOrEqual(42);
        expect(line).not.toMatch(/[\x00-\x1f]/);
      }
    }),
    { numRuns: 100 },
  );
});

test('what is told about an end is what was printed besides the log', async () => {
  const log = ['2026-11-22T21:22:30.996Z serving /runs\n', 'Error: no such module\n', '    at line 1'].join('');
  expect((await linesOf([Buffer.from(log)])).tail).toBe('Error: no such module\n    at line 1');
});
