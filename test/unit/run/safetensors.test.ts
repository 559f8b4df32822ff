import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SageError } from '../../../engine/errors.ts';
import { readSafetensors, writeSafetensors, type Tensor } from '../../../engine/run/safetensors.ts';
import { temporaryFolder } from './sample-run.ts';

/** A file as the format's specification describes it, made by hand. */
function raw(header: unknown, data = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const oneFloat = { w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };

function tensor(dtype: Tensor['dtype'], shape: number[], data: Tensor['data']): Tensor {
  return { dtype, shape, data };
}

const anyTensor: fc.Arbitrary<Tensor> = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
  const n = shape.reduce((product, size) => product * size, 1);
  const exactly = { minLength: n, maxLength: n };
  return fc.oneof(
    fc.float32Array(exactly).map((data) => tensor('float32', shape, data)),
    fc.float64Array(exactly).map((data) => tensor('float64', shape, data)),
    fc.int32Array(exactly).map((data) => tensor('int32', shape, data)),
    fc.bigInt64Array(exactly).map((data) => tensor('int64', shape, data)),
    fc.uint8Array(exactly).map((data) => tensor('uint8', shape, data)),
    fc.uint16Array(exactly).map((data) => tensor('bfloat16', shape, data)),
  );
});

describe('safetensors files', () => {
  test('give back every bit of what was written, whatever the names, types and shapes', async () => {
    const file = join(temporaryFolder(), 'w.safetensors');
    const names = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__' && name !== '__proto__');
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.tuple(names, anyTensor), { selector: ([name]) => name, maxLength: 5 }),
      fc.dictionary(names, fc.string()),
      async (entries, metadata) => {
        await writeSafetensors(file, entries, metadata);
        const read = await readSafetensors(file);
        expect(read.metadata).toEqual({ ...metadata });
        expect(new Map(read.tensors)).toEqual(new Map(entries));
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test('have the same bytes for the same content, in whatever order it is given', async () => {
    const folder = temporaryFolder();
    const a: [string, Tensor] = ['a', tensor('uint8', [3], new Uint8Array([1, 2, 3]))];
    const b: [string, Tensor] = ['b', tensor('float64', [1], new Float64Array([4]))];
    await writeSafetensors(join(folder, '1'), [a, b]);
    await writeSafetensors(join(folder, '2'), [b, a]);
    expect(await readFile(join(folder, '1'))).toEqual(await readFile(join(folder, '2')));
  });

  test('made by others are read: padding, metadata, empty tensors', async () => {
    const file = join(temporaryFolder(), 'w');
    const header = {
      __metadata__: { format: 'pt' },
      w: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
      none: { dtype: 'I64', shape: [0], data_offsets: [8, 8] },
      scalar: { dtype: 'U8', shape: [], data_offsets: [8, 9] },
    };
    await writeFile(file, raw(JSON.stringify(header) + '   ', Buffer.from('0000803f0000004007', 'hex')));
    const { tensors, metadata } = await readSafetensors(file);
    expect(metadata).toEqual({ format: 'pt' });
    expect(tensors.get('w')).toEqual(tensor('float32', [1, 2], new Float32Array([1, 2])));
    expect(tensors.get('none')?.data).toEqual(new BigInt64Array(0));
    expect(tensors.get('scalar')).toEqual(tensor('uint8', [], new Uint8Array([7])));
  });

  const four = Buffer.alloc(4);
  const faults: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /it is empty/],
    ['three bytes', Buffer.from('abc'), /only 3 bytes/],
    ['a PyTorch file', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(100)]), /zip archive/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00'), /git lfs pull/],
    ['an error page', Buffer.from('<!DOCTYPE html><html>Not found</html>'), /markup/],
    ['an ONNX graph', Buffer.from('080a12077079746f7263681a05322e302e31', 'hex'), /begins with the bytes 080a1207/],
    ['a header longer than the file', raw(oneFloat).subarray(0, 30), /header should have \d+ bytes/],
    ['a header longer than any', Buffer.concat([Buffer.alloc(7, 0xff), Buffer.from([0x7f]), four]), /begins with/],
    ['a header that is no JSON', raw('{"w": '), /not JSON/],
    ['a header that is no UTF-8', raw('{"w":0}').fill(0xff, 10, 11), /not JSON/],
    ['an unknown type', raw({ w: { dtype: 'F7', shape: [1], data_offsets: [0, 4] } }, four), /unknown type "F7"/],
    ['a negative dimension', raw({ w: { ...oneFloat.w, shape: [-1] } }, four), /wrong at w.shape.0/],
    ['a missing key', raw({ w: { dtype: 'F32', shape: [1] } }, four), /wrong at w.data_offsets/],
    ['a shape that needs other bytes', raw({ w: { ...oneFloat.w, shape: [2] } }, four), /needs 8 bytes but has 4/],
    ['a gap', raw({ w: { ...oneFloat.w, data_offsets: [4, 8] } }, Buffer.alloc(8)), /begins at byte 4 .* instead of 0/],
    ['an overlap', raw({ ...oneFloat, x: oneFloat.w }, four), /begins at byte 0 .* instead of 4/],
    ['data beyond the tensors', raw(oneFloat, Buffer.alloc(5)), /take 4 bytes but 5 bytes/],
    ['data cut off', raw(oneFloat, Buffer.alloc(3)), /take 4 bytes but 3 bytes/],
    ['metadata that is no text', raw({ __metadata__: { a: 1 } }), /__metadata__/],
  ];
  test.each(faults)('with %s are refused by name with what was found', async (_, bytes, found) => {
    const file = join(temporaryFolder(), 'weights.safetensors');
    await writeFile(file, bytes);
    const error = await readSafetensors(file).catch((e) => e);
    expect(error).toBeInstanceOf(SageError);
    expect(error).toMatchObject({ code: 'file/not-safetensors', place: { file } });
    expect(error.message).toMatch(found);
    expect(error.message).toContain('weights.safetensors');
  });

  test('cut off at any byte are refused', async () => {
    const file = join(temporaryFolder(), 'w');
    await writeSafetensors(file, [['w', tensor('float32', [3], new Float32Array([1, 2, 3]))]]);
    const whole = await readFile(file);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(file, whole.subarray(0, length));
      await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'file/not-safetensors' });
    }
  });

  test('that are missing are named', async () => {
    const file = join(temporaryFolder(), 'w');
    await expect(readSafetensors(file)).rejects.toMatchObject({ code: 'file/missing', place: { file } });
  });

  test('are not begun for a tensor whose data does not fit its shape', async () => {
    const folder = temporaryFolder();
    const wrong = tensor('float32', [2], new Float32Array(3));
    await expect(writeSafetensors(join(folder, 'w'), [['w', wrong]])).rejects.toThrow(/"w": 3 elements/);
    expect(await readdir(folder)).toEqual([]);
  });
});
