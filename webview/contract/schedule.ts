/** What the preview of exploration and the extension host say to each other. Both sides check what they receive. */
import { z } from 'zod';
import { diagnostic, explorationPreview } from '../../engine/protocol.ts';
import { connectionMessage, copyMessage, count, problemMessage, saveMessage } from './common.ts';

export const scheduleVersion = 1;

/** Host → preview. */
export const toSchedule = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('setup'),
    version: z.literal(scheduleVersion),
    /** URI of the config, by which the panel is found again after a reload. */
    uri: z.string(),
    /** What people call it. */
    name: z.string(),
  }),
  connectionMessage,
  /** How the config explores as it stands in the editor; null while its kernel is not valid, and `diagnostics` say why. */
  z.object({
    type: z.literal('exploration'),
    diagnostics: z.array(diagnostic),
    preview: explorationPreview.nullable(),
  }),
  problemMessage,
]);
export type ToSchedule = z.infer<typeof toSchedule>;

/** What the page keeps over a reload of the window. */
export const scheduleState = z.object({ uri: z.string().min(1).max(10_000) });

/** Preview → host. */
export const fromSchedule = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.literal(scheduleVersion) }),
  /** Puts the cursor of the config's editor there; both from 1. */
  z.object({ type: z.literal('openConfig'), line: count, column: count }),
  copyMessage,
  saveMessage,
]);
export type FromSchedule = z.infer<typeof fromSchedule>;
