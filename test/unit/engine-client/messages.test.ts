import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from 'vscode-jsonrpc/node';
import { limits as sent } from '../../../engine/protocol.ts';
import { createMessageReader } from '../../../src/engine/messages.ts';
import { defaultPolicy } from '../../../src/engine/policy.ts';

/** What comes of bytes that arrive in chunks of these lengths, and then as the rest. */
async function readAll(bytes: Buffer, cuts: readonly number[]) {
  const input = new PassThrough();
  const messages: Message[] = [];
  const faults: string[] = [];
  const limits = { headerBytes: 256, bodyBytes: 10_000 };
  createMessageReader(
    input,
    limits,
    (what) => faults.push(what),
    () => {},
  ).listen((message) => messages.push(message));
  let from = 0;
  for (const cut of [...cuts, bytes.length]) input.write(bytes.subarray(from, (from += cut)));
  input.end();
  await new Promise((resolve) => input.once('end', resolve));
  return { messages, faults };
}

const message = fc.oneof(
  fc.record({ jsonrpc: fc.constant('2.0'), id: fc.nat(), result: fc.jsonValue() }),
  fc.record({ jsonrpc: fc.constant('2.0'), method: fc.string(), params: fc.dictionary(fc.string(), fc.jsonValue()) }),
);
const cuts = fc.array(fc.nat(60), { maxLength: 40 });

function framed(value: unknown, header = 'Content-Length'): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${header}: ${body.length}\r\n\r\n`), body]);
}

test('messages arrive whole and in their order, however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 5 }), cuts, async (sent, where) => {
      const plain = sent.map((each) => JSON.parse(JSON.stringify(each)) as Message);
      const { messages, faults } = await readAll(Buffer.concat(sent.map((each) => framed(each))), where);
      expect(faults).toEqual([]);
      expect(messages).toEqual(plain);
    }),
    { numRuns: 200 },
  );
});

test('what is no message ends the reading with one fault; what came before it counts, what comes after does not', async () => {
  const good = { jsonrpc: '2.0', id: 1, result: {} };
  const bad = fc.oneof(
    fc.constantFrom(
      'hello\n',
      'Content-Length: x\r\n\r\n',
      'Content-Length: 10001\r\n\r\n',
      'Content-Length: -1\r\n\r\n',
    ),
    fc.constantFrom('Content-Length: 1\r\nhello\r\n\r\n1', 'Content-Length: 2\r\n\r\n[]', 'Content-Length: 1\r\n\r\n{'),
    fc.constantFrom(
      ...[
        { jsonrpc: '2.0', id: 1 },
        { id: 1, result: 1 },
        { jsonrpc: '2.0', id: null, result: 1 },
      ].map((each) => framed(each).toString()),
    ),
    fc.constant(`Content-Type: ${'x'.repeat(300)}`),
  );
  await fc.assert(
    fc.asyncProperty(bad, cuts, async (text, where) => {
      const { messages, faults } = await readAll(Buffer.concat([framed(good), Buffer.from(text), framed(good)]), where);
      expect(messages).toEqual([good]);
      expect(faults).toHaveLength(1);
    }),
    { numRuns: 200 },
  );
});

test('names of headers are taken in any case', async () => {
  const good = { jsonrpc: '2.0', id: 1, result: {} };
  expect((await readAll(framed(good, 'content-length'), [])).messages).toEqual([good]);
});

test('what an engine sends at most is taken', () => {
  expect(sent.messageBytes).toBeLessThanOrEqual(defaultPolicy.messages.bodyBytes);
});
