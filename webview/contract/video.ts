/** What the editor of a run's video and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import { runId } from '../../engine/protocol.ts';
import { videoSchema } from '../../engine/protocol/view.ts';
import { copyMessage, count, problemMessage, videoKind } from './common.ts';

export const videoVersion = 1;

/** Host → video editor. */
export const toVideo = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('setup'),
    version: z.literal(videoVersion),
    /** What a <video> and an <img> take. */
    source: z.string(),
    poster: z.string().nullable(),
    name: z.string(),
    bytes: count,
    autoplay: z.boolean(),
    /** What the run knows of the video; null for an mp4 outside of a run. */
    origin: z.object({ run: runId, kind: videoKind, iteration: count, entry: videoSchema }).nullable(),
  }),
  problemMessage,
]);
export type ToVideo = z.infer<typeof toVideo>;

/** Video editor → host. */
export const fromVideo = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.literal(videoVersion) }),
  copyMessage,
  z.object({ type: z.literal('openExternally') }),
  z.object({ type: z.literal('openDashboard') }),
]);
export type FromVideo = z.infer<typeof fromVideo>;
