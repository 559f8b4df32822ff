import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { SageError } from '../errors.ts';
import { diskError, writeFileAtomic } from './disk.ts';

/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): a little-endian u64 header length, a
 * JSON header of `{name: {dtype, shape, data_offsets}}`, then the tensors' bytes without gaps.
 */
const formats = {
  float64: { code: 'F64', bytes: 8, array: Float64Array },
  int64: { code: 'I64', bytes: 8, array: BigInt64Array },
  uint64: { code: 'U64', bytes: 8, array: BigUint64Array },
  float32: { code: 'F32', bytes: 4, array: Float32Array },
  int32: { code: 'I32', bytes: 4, array: Int32Array },
  uint32: { code: 'U32', bytes: 4, array: Uint32Array },
  // 16-bit floats are carried as their bits.
  float16: { code: 'F16', bytes: 2, array: Uint16Array },
  bfloat16: { code: 'BF16', bytes: 2, array: Uint16Array },
  int16: { code: 'I16', bytes: 2, array: Int16Array },
  uint16: { code: 'U16', bytes: 2, array: Uint16Array },
  int8: { code: 'I8', bytes: 1, array: Int8Array },
  uint8: { code: 'U8', bytes: 1, array: Uint8Array },
  bool: { code: 'BOOL', bytes: 1, array: Uint8Array },
} as const;

export type TensorType = keyof typeof formats;
export type TensorData = InstanceType<(typeof formats)[TensorType]['array']>;

/** A dense row-major tensor; `data.length` is the product of `shape`. */
export interface Tensor {
  dtype: TensorType;
  shape: number[];
  data: TensorData;
}

export interface Safetensors {
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
}

const typeOfCode = new Map(Object.entries(formats).map(([type, { code }]) => [code as string, type as TensorType]));
const maxHeaderBytes = 100_000_000; // the bound of the reference implementation
const size = z.number().int().nonnegative();
const headerSchema = z.record(
  z.string(),
  z.strictObject({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) }),
);
const metadataSchema = z.record(z.string(), z.string());

interface Entry {
  name: string;
  dtype: TensorType;
  shape: number[];
  begin: number;
  end: number;
}

function invalid(file: string, found: string): SageError {
  return new SageError(
    'file/not-safetensors',
    `${file} is not a valid safetensors file: ${found}.`,
    'Check that the path names the weights and that the copy or download is complete.',
    { place: { file } },
  );
}

const signatures: [string, string][] = [
  ['version https://git-lfs', 'a Git LFS pointer; run `git lfs pull`'],
  ['PK\x03\x04', 'a zip archive, such as a PyTorch .pt file'],
  ['\x80', 'a Python pickle'],
  ['\x89HDF', 'an HDF5 file'],
  ['\x1f\x8b', 'a gzip archive'],
  ['\x93NUMPY', 'a NumPy .npy file'],
  ['<', 'markup, perhaps an error page saved as the file'],
  ['{', 'bare JSON without a header length'],
];

/** Says in words what the first bytes of a file that is no safetensors file look like. */
function describeStart(start: Buffer): string {
  const text = start.toString('latin1');
  const known = signatures.find(([prefix]) => text.startsWith(prefix));
  return known ? `it looks like ${known[1]}` : `it begins with the bytes ${start.subarray(0, 8).toString('hex')}`;
}

async function readExactly(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.byteLength) {
    // One read call is limited to 2 GiB by the kernel.
    const length = Math.min(into.byteLength - done, 1 << 30);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) throw new RangeError('file ended early');
    done += bytesRead;
  }
}

function elementCount(shape: number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Checks the header's entries against each other and the size of the data that follows; returns them in file order. */
function checkEntries(file: string, header: z.infer<typeof headerSchema>, dataBytes: number): Entry[] {
  const entries = Object.entries(header).map(([name, { dtype: code, shape, data_offsets }]): Entry => {
    const dtype = typeOfCode.get(code);
    if (!dtype) throw invalid(file, `tensor "${name}" has the unknown type "${code}"`);
    const [begin, end] = data_offsets;
    const bytes = elementCount(shape) * formats[dtype].bytes;
    if (end - begin !== bytes)
      throw invalid(file, `tensor "${name}" of shape [${shape}] needs ${bytes} bytes but has ${end - begin}`);
    return { name, dtype, shape, begin, end };
  });
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let next = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== next) throw invalid(file, `tensor "${name}" begins at byte ${begin} of the data instead of ${next}`);
    next = end;
  }
  if (next !== dataBytes)
    throw invalid(file, `its tensors take ${next} bytes but ${dataBytes} bytes of data follow the header`);
  return entries;
}

async function readHeader(handle: FileHandle, file: string): Promise<{ bytes: number; json: unknown; total: number }> {
  const total = (await handle.stat()).size;
  const start = Buffer.alloc(Math.min(total, 32));
  await readExactly(handle, start, 0);
  if (total < 10) throw invalid(file, total === 0 ? 'it is empty' : `it has only ${total} bytes`);
  const length = start.readBigUInt64LE(0);
  if (length > BigInt(maxHeaderBytes) || length < 2n || start[8] !== 0x7b) throw invalid(file, describeStart(start));
  const bytes = Number(length);
  if (bytes > total - 8)
    throw invalid(file, `its header should have ${bytes} bytes but the file ends after ${total - 8}`);
  const text = Buffer.alloc(bytes);
  await readExactly(handle, text, 8);
  try {
    return { bytes, json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text)), total };
  } catch {
    throw invalid(file, 'its header is not JSON');
  }
}

function parseHeader(
  file: string,
  json: unknown,
): { header: z.infer<typeof headerSchema>; metadata: Record<string, string> } {
  const { __metadata__ = {}, ...rest } = (json ?? {}) as Record<string, unknown>;
  const metadata = metadataSchema.safeParse(__metadata__);
  if (!metadata.success) throw invalid(file, '__metadata__ in its header is not a map of strings');
  const header = headerSchema.safeParse(rest);
  if (header.success) return { header: header.data, metadata: metadata.data };
  const issue = header.error.issues[0];
  throw invalid(file, `its header is wrong at ${issue.path.join('.') || 'the top'} (${issue.message})`);
}

/**
 * Reads every tensor of a safetensors file. Each tensor owns its memory. 16-bit floats come as their bits in a
 * Uint16Array, bool as 0/1 in a Uint8Array, 64-bit integers as BigInt arrays.
 * @throws SageError `file/not-safetensors` naming the file and what was found, or a disk error
 */
export async function readSafetensors(file: string): Promise<Safetensors> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { bytes, json, total } = await readHeader(handle, file);
    const { header, metadata } = parseHeader(file, json);
    const tensors = new Map<string, Tensor>();
    for (const { name, dtype, shape, begin, end } of checkEntries(file, header, total - 8 - bytes)) {
      const memory = new ArrayBuffer(end - begin);
      await readExactly(handle, new Uint8Array(memory), 8 + bytes + begin);
      tensors.set(name, { dtype, shape, data: new formats[dtype].array(memory) });
    }
    return { tensors, metadata };
  } catch (error) {
    throw diskError(error, file, 'read the tensors');
  } finally {
    await handle?.close();
  }
}

/**
 * Writes tensors so that `file` is either the old content or the whole new one, on disk (fsync) when this returns.
 * Equal content gives equal bytes: tensors lie in the order of element size, then name.
 * @throws SageError for a failed system call; TypeError when a tensor's data, shape and type disagree
 */
export async function writeSafetensors(
  file: string,
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Record<string, string> = {},
): Promise<void> {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) => formats[b.dtype].bytes - formats[a.dtype].bytes || (nameA < nameB ? -1 : 1),
  );
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    if (!(data instanceof formats[dtype].array) || data.length !== elementCount(shape))
      throw new TypeError(`tensor "${name}": ${data.length} elements do not make ${dtype} of shape [${shape}]`);
    header[name] = { dtype: formats[dtype].code, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  // Spaces bring the data to a multiple of 8 bytes, so that it can be mapped as it is.
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const bodies = sorted.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  await writeFileAtomic(file, [length, padded, ...bodies], { doing: 'write the tensors' });
}
