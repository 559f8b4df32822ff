import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { encodePoster, encodeVideo } from '../../../engine/media/encode.ts';
import { displayScale, toBytes } from '../../../engine/media/frames.ts';
import { findBox, readBoxes, sampleRanges, toFastStart } from '../../../engine/media/mp4.ts';
import { eightColours, flatVideo } from './testvideo.ts';

const options = { quality: 26, framesPerSecond: 8 };
const encode = (height = 32, width = 32, colours = eightColours) =>
  encodeVideo(toBytes(flatVideo(colours, height, width)), 8, options);
const stbl = ['moov', 'trak', 'mdia', 'minf', 'stbl'];
const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
const u16 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(at);

function avcSize(bytes: Uint8Array): { width: number; height: number } {
  const avc1 = findBox(bytes, [...stbl, 'stsd', 'avc1'])!;
  return { width: u16(bytes, avc1.payload + 24), height: u16(bytes, avc1.payload + 26) };
}

/** NAL unit types of each sample. */
function nalTypes(bytes: Uint8Array): number[][] {
  return sampleRanges(bytes).map(([offset, size]) => {
    const types: number[] = [];
    let at = offset;
    for (; at < offset + size; at += 4 + u32(bytes, at)) types.push(bytes[at + 4] & 31);
    expect(at).toBe(offset + size);
    return types;
  });
}

describe('a written video', () => {
  it('starts with its index, so that it plays before it is whole', async () => {
    expect(readBoxes(await encode()).map((box) => box.type)).toEqual(['ftyp', 'moov', 'mdat']);
  });

  it('holds eight H.264 frames of 256×256 in one second', async () => {
    const mp4 = await encode();
    expect(avcSize(mp4)).toEqual({ width: 256, height: 256 });
    expect(nalTypes(mp4).map((types) => types.filter((type) => type === 1 || type === 5).length)).toEqual(
      Array(8).fill(1),
    );
    const mdhd = findBox(mp4, ['moov', 'trak', 'mdia', 'mdhd'])!.payload;
    expect(u32(mp4, mdhd + 16) / u32(mp4, mdhd + 12)).toBe(1);
  });

  it('names exactly the frames that are key frames, one a second', async () => {
    const mp4 = await encode(32, 32, [...eightColours, ...eightColours, ...eightColours]);
    const stss = findBox(mp4, [...stbl, 'stss'])!.payload;
    const named = Array.from({ length: u32(mp4, stss + 4) }, (_, i) => u32(mp4, stss + 8 + 4 * i));
    expect(named).toEqual([1, 9, 17]);
    expect(nalTypes(mp4).flatMap((types, i) => (types.includes(5) ? [i + 1] : []))).toEqual(named);
  });

  it('is the same bytes for the same frames, whenever it is written', async () => {
    const first = await encode();
    await new Promise((resolve) => setTimeout(resolve, 1100)); // The encoder's own time stamps count seconds.
    expect(Buffer.compare(first, await encode())).toBe(0);
  });

  it('is not changed by a second pass', async () => {
    const mp4 = await encode();
    expect(Buffer.compare(toFastStart(mp4), mp4)).toBe(0);
  });

  it.each([
    [33, 17, { width: 272, height: 528 }],
    [7, 5, { width: 260, height: 364 }],
    [257, 301, { width: 302, height: 258 }],
  ])('of %i×%i pixels is enlarged to at least 256 and padded to even', async (height, width, size) => {
    const video = toBytes(flatVideo(eightColours, height, width));
    expect(avcSize(await encodeVideo(video, 1, options))).toEqual(size);
    const poster = decode(encodePoster(video, 1));
    expect({ width: poster.width, height: poster.height }).toEqual(size);
  });

  it('is enlarged by what is asked for when that is more than needed', () => {
    expect(displayScale({ height: 32, width: 32 }, 16)).toBe(16);
    expect(displayScale({ height: 32, width: 32 }, 1)).toBe(8);
    expect(displayScale({ height: 352, width: 624 }, 1)).toBe(1);
  });
});

describe('a poster', () => {
  it('is the middle frame, pixel for pixel', () => {
    const { width, height, channels, data } = decode(encodePoster(toBytes(flatVideo(eightColours)), 8));
    expect([width, height, channels]).toEqual([256, 256, 3]);
    const at = (x: number, y: number) => [...data.subarray((y * 256 + x) * 3, (y * 256 + x) * 3 + 3)];
    expect(at(0, 0)).toEqual([255, 255, 255]);
    expect(at(127, 127)).toEqual([255, 255, 255]);
    expect(at(128, 127)).toEqual([0, 255, 255]);
    expect(at(255, 255)).toEqual([0, 255, 255]);
  });

  it('of values outside [0, 1] and NaN is clamped', () => {
    const { data } = decode(encodePoster(toBytes(flatVideo([[1.5, -0.5, Number.NaN]])), 8));
    expect([...data.subarray(-3)]).toEqual([255, 0, 0]);
  });
});

describe('a file that is not an MP4', () => {
  it('is refused', () => {
    expect(() => toFastStart(new Uint8Array(64).fill(7))).toThrow(RangeError);
    expect(() => toFastStart(new Uint8Array(0))).toThrow(/one "ftyp" box/);
  });
});
