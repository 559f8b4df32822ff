import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Message,
  type MessageConnection,
  type MessageReader,
} from 'vscode-jsonrpc/node';
import { z } from 'zod';
import { errorCodes } from '../protocol.ts';
import { misuse } from './wire-error.ts';

const id = z.union([z.string(), z.number()]);
const params = z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).optional();
const jsonrpc = z.literal('2.0');
const absent = z.undefined().optional();
const cancel = '$/cancelRequest';
const method = z.string().refine((name) => name !== cancel);
/** What may come in: requests, notifications, and answers, of which none is expected. */
const envelope = z.union([
  z.object({ jsonrpc, method: z.literal(cancel), params: z.object({ id }) }),
  z.object({ jsonrpc, method, id, params }),
  z.object({ jsonrpc, method, id: absent, params }),
  z.object({ jsonrpc, method: absent, id }),
]);

function idOf(message: unknown): string | number | null {
  const found = z.object({ id }).safeParse(message);
  return found.success ? found.data.id : null;
}

/**
 * A JSON-RPC connection over two streams that answers everything which is no message with one error and goes on.
 * @param onFault told of every such error and of failed writes
 */
export function openChannel(input: Readable, output: Writable, onFault: (text: string) => void): MessageConnection {
  const reader = new StreamMessageReader(input);
  const writer = new StreamMessageWriter(output);
  const refuse = (id: string | number | null, code: string, number: number, text: string) => {
    onFault(text);
    const error = misuse(code, number, text).toJson();
    writer.write({ jsonrpc: '2.0', id, error } as Message).catch(() => undefined);
  };
  reader.onError((error) => {
    const isHeader = !(error instanceof SyntaxError);
    const what = isHeader ? 'A message has no valid header.' : 'A message is not JSON.';
    refuse(null, 'no-message', errorCodes.parseError, what);
    // The reader stops at a bad header until more comes, though good messages may already lie behind it.
    if (isHeader) setImmediate(() => input.emit('data', Buffer.alloc(0)));
  });
  const checked: MessageReader = {
    onError: () => ({ dispose: () => {} }),
    onClose: reader.onClose,
    onPartialMessage: reader.onPartialMessage,
    listen: (callback) =>
      reader.listen((message) => {
        if (envelope.safeParse(message).success && !Array.isArray(message)) return callback(message);
        refuse(idOf(message), 'no-request', errorCodes.invalidRequest, 'A message is no JSON-RPC 2.0 request.');
      }),
    dispose: () => reader.dispose(),
  };
  const logger = { error: onFault, warn: onFault, info: () => {}, log: () => {} };
  return createMessageConnection(checked, writer, logger);
}
