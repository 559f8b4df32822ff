import type { Video } from '../policy/policy.ts';

/** Pixels of one video as bytes, `F*H*W*3`, laid out as in `Video`. A quarter of the size, and what the files hold. */
export interface ByteVideo {
  frames: number;
  height: number;
  width: number;
  pixels: Uint8Array<ArrayBuffer>;
}

/** The shorter side of a written video is at least this many pixels. */
export const smallestSide = 256;

/** Clamps to [0, 1] and rounds to bytes; NaN becomes 0. */
export function toBytes(video: Video): ByteVideo {
  const { frames, height, width } = video;
  // A clamped array clamps and rounds by itself, and faster.
  const clamped = new Uint8ClampedArray(frames * height * width * 3);
  for (let i = 0; i < clamped.length; i++) clamped[i] = video.pixels[i] * 255;
  const pixels = new Uint8Array(clamped.buffer);
  return { frames, height, width, pixels };
}

/** The integer factor a video is enlarged by: `wanted`, or more where the shorter side would stay below 256 pixels. */
export function displayScale(size: { height: number; width: number }, wanted: number): number {
  const needed = Math.ceil(smallestSide / Math.min(size.height, size.width));
  return Math.max(1, Math.floor(wanted), needed);
}

/** Width and height in the file: enlarged, then padded to even by repeating the last row and column. */
export function fileSize(size: { height: number; width: number }, scale: number): { height: number; width: number } {
  const even = (n: number) => n + (n % 2);
  return { height: even(size.height * scale), width: even(size.width * scale) };
}

/** One frame, enlarged by the nearest pixel: `height*width*3` bytes RGB, of `fileSize`. */
export function enlargeFrame(video: ByteVideo, frame: number, scale: number): Uint8Array {
  const { height, width } = fileSize(video, scale);
  const out = new Uint8Array(height * width * 3);
  const base = frame * video.height * video.width * 3;
  for (let y = 0, o = 0; y < height; y++) {
    const row = base + nearest(y, scale, video.height) * video.width * 3;
    for (let x = 0; x < width; x++, o += 3) {
      const from = row + nearest(x, scale, video.width) * 3;
      out[o] = video.pixels[from];
      out[o + 1] = video.pixels[from + 1];
      out[o + 2] = video.pixels[from + 2];
    }
  }
  return out;
}

/**
 * One frame as planar YUV 4:2:0, enlarged: `height*width*3/2` bytes, BT.601 limited range (Y 16–235), chroma averaged
 * over 2×2. Conversion happens before enlarging, where there are fewer pixels.
 */
export function yuvFrame(video: ByteVideo, frame: number, scale: number): Uint8Array {
  const small = video.height * video.width;
  const [luma, blue, red] = [new Float64Array(small), new Float64Array(small), new Float64Array(small)];
  for (let i = 0, from = frame * small * 3; i < small; i++, from += 3) {
    const [r, g, b] = [video.pixels[from], video.pixels[from + 1], video.pixels[from + 2]];
    const y = 0.299 * r + 0.587 * g + 0.114 * b;
    luma[i] = 16 + (219 / 255) * y;
    blue[i] = 128 + ((224 / 255) * (b - y)) / 1.772;
    red[i] = 128 + ((224 / 255) * (r - y)) / 1.402;
  }
  const { height, width } = fileSize(video, scale);
  const column = Uint32Array.from({ length: width }, (_, x) => nearest(x, scale, video.width));
  const out = new Uint8Array((height * width * 3) / 2);
  for (let y = 0, o = 0; y < height; y++) {
    const row = nearest(y, scale, video.height) * video.width;
    for (let x = 0; x < width; x++) out[o++] = luma[row + column[x]] + 0.5;
  }
  const quarter = (height * width) / 4;
  for (let y = 0, o = height * width; y < height; y += 2) {
    const upper = nearest(y, scale, video.height) * video.width;
    const lower = nearest(y + 1, scale, video.height) * video.width;
    for (let x = 0; x < width; x += 2, o++) {
      const [a, b, c, d] = [upper + column[x], upper + column[x + 1], lower + column[x], lower + column[x + 1]];
      out[o] = (blue[a] + blue[b] + blue[c] + blue[d]) / 4 + 0.5;
      out[o + quarter] = (red[a] + red[b] + red[c] + red[d]) / 4 + 0.5;
    }
  }
  return out;
}

function nearest(position: number, scale: number, size: number): number {
  return Math.min(size - 1, Math.floor(position / scale));
}
