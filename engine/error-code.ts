import { z } from 'zod';

/** A stable name of what went wrong, as area/thing: `run/locked`. Lower case, with hyphens inside a part. */
export type ErrorCode = `${string}/${string}`;

const part = '[a-z0-9]+(?:-[a-z0-9]+)*';

/** An error code that comes from elsewhere. */
export const errorCode = z
  .templateLiteral([z.string(), '/', z.string()])
  .check(z.regex(new RegExp(`^${part}/${part}$`), 'is no error code, such as run/locked'));
