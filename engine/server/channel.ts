import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Message,
  type MessageConnection,
  type MessageReader,
  type MessageWriter,
} from 'vscode-jsonrpc/node';
import { z } from 'zod';
import type { ErrorCode } from '../error-code.ts';
import { SageError } from '../errors.ts';
import { errorCodes, limits } from '../protocol.ts';
import { problemOf } from './problem.ts';
import { misuse, responseError } from './wire-error.ts';

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

const tooLarge = () =>
  new SageError(
    'protocol/too-large',
    `What the run folder holds of this is too much to be shown: more than ${limits.messageBytes >> 20} MiB.`,
    'Look at the files of the run with a program for large files; no training writes so much.',
  );

/** A message as it goes out. JSON of half a GiB, and values nested by the ten thousand, cannot even be made. */
async function encode(message: Message): Promise<Uint8Array> {
  let text: string;
  try {
    text = JSON.stringify(message);
  } catch (error) {
    throw error instanceof RangeError ? tooLarge() : error;
  }
  const bytes = Buffer.from(text);
  if (bytes.length > limits.messageBytes) throw tooLarge();
  return bytes;
}

/** A writer that answers with a problem where an answer is too large; a notification that is too large is thrown. */
function createWriter(output: Writable): MessageWriter {
  const writer = new StreamMessageWriter(output, { contentTypeEncoder: { name: 'application/json', encode } });
  const write = async (message: Message) => {
    try {
      await writer.write(message);
    } catch (error) {
      if (!(error instanceof SageError) || !('id' in message)) throw error;
      await writer.write({
        jsonrpc: '2.0',
        id: message.id,
        error: responseError(problemOf(error)).toJson(),
      } as Message);
    }
  };
  const { onError, onClose } = writer;
  return { onError, onClose, write, end: () => writer.end(), dispose: () => writer.dispose() };
}

/**
 * A JSON-RPC connection over two streams that answers everything which is no message with one error and goes on.
 * @param onFault told of every such error and of failed writes
 */
export function openChannel(input: Readable, output: Writable, onFault: (text: string) => void): MessageConnection {
  const reader = new StreamMessageReader(input);
  const writer = createWriter(output);
  const refuse = (id: string | number | null, code: ErrorCode, number: number, text: string) => {
    onFault(text);
    const error = misuse(code, number, text).toJson();
    writer.write({ jsonrpc: '2.0', id, error } as Message).catch(() => undefined);
  };
  reader.onError((error) => {
    const isHeader = !(error instanceof SyntaxError);
    const what = isHeader ? 'A message has no valid header.' : 'A message is not JSON.';
    refuse(null, 'protocol/no-message', errorCodes.parseError, what);
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
        refuse(
          idOf(message),
          'protocol/no-request',
          errorCodes.invalidRequest,
          'A message is no JSON-RPC 2.0 request.',
        );
      }),
    dispose: () => reader.dispose(),
  };
  const logger = { error: onFault, warn: onFault, info: () => {}, log: () => {} };
  return createMessageConnection(checked, writer, logger);
}
