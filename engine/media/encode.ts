import { encode as encodePng } from 'fast-png';
import h264 from 'h264-mp4-encoder';
import { displayScale, enlargeFrame, fileSize, yuvFrame } from './frames.ts';
import type { ByteVideo } from './frames.ts';
import { toFastStart } from './mp4.ts';

/** How a video is written: the H.264 quantization parameter (10 best … 51 smallest) and frames per second. */
export interface EncodeOptions {
  quality: number;
  framesPerSecond: number;
}

/** The name of the encoder's output in its own memory file system. */
const outputFilename = 'video.mp4';

/**
 * Encodes a video as H.264 (yuv420p, baseline) in an MP4 file whose index comes first, a key frame every second.
 * Equal frames give equal bytes.
 */
export async function encodeVideo(video: ByteVideo, wantedScale: number, options: EncodeOptions): Promise<Uint8Array> {
  const scale = displayScale(video, wantedScale);
  // One encoder a video: rate control and reference frames of one must not reach into the next.
  const encoder = await h264.createH264MP4Encoder();
  try {
    Object.assign(encoder, fileSize(video, scale), {
      outputFilename,
      frameRate: options.framesPerSecond,
      quantizationParameter: options.quality,
      speed: 10,
      groupOfPictures: Math.max(1, Math.round(options.framesPerSecond)),
    });
    encoder.initialize();
    for (let frame = 0; frame < video.frames; frame++) encoder.addFrameYuv(yuvFrame(video, frame, scale));
    encoder.finalize();
    const bytes = toFastStart(encoder.FS.readFile(outputFilename));
    // The file system outlives the encoder, so the file would too.
    encoder.FS.unlink(outputFilename);
    return bytes;
  } finally {
    encoder.delete();
  }
}

/** The still that stands for a video before it plays: its middle frame, which says most of what happens, as PNG. */
export function encodePoster(video: ByteVideo, wantedScale: number): Uint8Array {
  const scale = displayScale(video, wantedScale);
  const data = enlargeFrame(video, posterFrame(video), scale);
  return encodePng({ ...fileSize(video, scale), data, channels: 3, depth: 8 });
}

/** Index of the frame shown on the poster. */
export function posterFrame(video: { frames: number }): number {
  return Math.floor(video.frames / 2);
}
