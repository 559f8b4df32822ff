import { z } from 'zod';

/** The inlay hints, each of which can be turned off. */
export const hintKinds = ['rollouts', 'updates', 'tokens', 'batch', 'time', 'memory', 'defaults'] as const;
export type HintKind = (typeof hintKinds)[number];

/** What an editor tells the server: in `initializationOptions`, and in the section `sage` of its settings when they change. */
export const serverSettings = z.object({
  /** Absolute path of the folder of runs; null where there is none. */
  runsFolder: z.string().nullable().catch(null).default(null),
  /** Whether the editor has the commands of lenses and actions, such as `sage.launch` and `sage.openDocumentation`. */
  commands: z.boolean().catch(false).default(false),
  codeLens: z.boolean().catch(true).default(true),
  inlayHints: z.partialRecord(z.enum(hintKinds), z.boolean()).catch({}).default({}),
});
export type ServerSettings = z.infer<typeof serverSettings>;
