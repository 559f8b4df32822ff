import { z } from 'zod';

const run = z.string();

/**
 * Something of this program that an error advises to do. The command line (`engine/cli/advice.ts`) and the editor
 * (`src/engine/advice.ts`) have their own words for it.
 */
export const advice = z.discriminatedUnion('action', [
  /** Continue a run, from its newest checkpoint or from that of an iteration. */
  z.object({ action: z.literal('resume'), run, from: z.number().int().nonnegative().optional() }),
  /** Continue it from a checkpoint that is yet to be chosen. */
  z.object({ action: z.literal('resume-from'), run }),
  z.object({ action: z.literal('inspect'), run }),
  z.object({ action: z.literal('stop'), run }),
  z.object({ action: z.literal('list') }),
  z.object({ action: z.literal('doctor') }),
  z.object({ action: z.literal('setup-torch') }),
  z.object({ action: z.literal('estimate') }),
]);

/** `run` is the folder of a run; where it crosses to the editor, its id. */
export type Advice = z.infer<typeof advice>;
