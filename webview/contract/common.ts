/** What the contracts of all webviews have in common. */
import { z } from 'zod';
import { iterationVideos, problem } from '../../engine/protocol.ts';

export const count = z.number().int().nonnegative();
export const videoKind = z.enum(['rollouts', 'evaluation']);

/** The engine that a page gets its data from. While it is not connected, what is shown may be old. */
export const connectionMessage = z.object({
  type: z.literal('connection'),
  state: z.enum(['connecting', 'connected', 'disconnected']),
  /** Why it is disconnected and what happens next. */
  message: z.string().nullable(),
});

/** What was asked for cannot be read. */
export const problemMessage = z.object({ type: z.literal('problem'), problem });

/** The answer to a question, by its number, or why there is none. */
export const answerMessage = z.object({ type: z.literal('answer'), id: count, result: z.unknown() });
export const refusalMessage = z.object({ type: z.literal('refusal'), id: count, problem });

/** A question under a number of the page's own. */
export function askMessage<Question extends string>(questions: Readonly<Record<Question, unknown>>) {
  const names = Object.keys(questions) as [Question, ...Question[]];
  return z.object({ type: z.literal('ask'), id: count, question: z.enum(names), params: z.unknown() });
}

export const copyMessage = z.object({ type: z.literal('copy'), text: z.string().max(100_000) });

/** Asks where to save and writes it. `data` is text for svg and csv, base64 for png. */
export const saveMessage = z.object({
  type: z.literal('save'),
  name: z.string().max(200),
  format: z.enum(['svg', 'png', 'csv']),
  data: z.string().max(64 * 2 ** 20),
});

/**
 * The videos of an iteration. `sources` has, by `file` of each video, what a <video> and an <img> take. Videos that are not on
 * disk (yet) have none; `poster` is empty while that is not there.
 */
export const videosResult = iterationVideos.extend({
  sources: z.record(z.string(), z.object({ video: z.string(), poster: z.string() })),
});
