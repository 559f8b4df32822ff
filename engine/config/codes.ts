import { keyCodes } from './codes-keys.ts';
import { readingCodes } from './codes-reading.ts';
import { resourceCodes } from './codes-resources.ts';
import { ruleCodes } from './codes-rules.ts';

/** A file beside an example's config. */
export type ExampleFile =
  | { text: string }
  /** Something that a page cannot show: `shown` says what it is. */
  | { bytes: string; shown: string }
  | { folder: true; shown: string }
  /** A link to the path. */
  | { link: string; shown: string };

/** What is known of a code: what stands at it in docs/diagnostics.md. */
export interface CodeInfo {
  severity: 'error' | 'warning';
  /** What it means, and why it matters. */
  meaning: string;
  /** The text of a config, `example.sage.yaml`, that gets this code and no other. */
  example: string;
  /** Files beside it. */
  files?: Record<string, ExampleFile>;
  /** `--set` flags that go with it. */
  flags?: string[];
  remedy: string;
}

/** Codes without their `config/`, by what they are about. */
export type CodeGroup = { title: string; codes: Record<string, CodeInfo> };

/** Every code that the analysis of a config can give. */
export const codeGroups: readonly CodeGroup[] = [...readingCodes, ...keyCodes, ...ruleCodes, ...resourceCodes];

const byCode = new Map(
  codeGroups.flatMap(({ codes }) => Object.entries(codes).map(([name, info]) => [`config/${name}`, info])),
);

/** Every code, as diagnostics carry it. */
export const allCodes: readonly string[] = [...byCode.keys()];

/** What is known of a code such as `config/unknown-key`; null for one that is not of a config. */
export function codeInfo(code: string): CodeInfo | null {
  return byCode.get(code) ?? null;
}

/** The heading of a code in docs/diagnostics.md, as a link names it (`configunknown-key`); null as `codeInfo`. */
export function docsAnchor(code: string): string | null {
  return byCode.has(code) ? code.replace(/[^a-z0-9-]/g, '') : null;
}
