import type { Fix } from './diagnostics.ts';
import type { readPrompts } from './prompts.ts';
import type { Config, PromptSource } from './schema.ts';

/** What a rule between keys may look at, and how it says what it found. */
export interface RuleContext {
  config: Config;
  baseFolder: string;
  checkFiles: boolean;
  /** Bytes free for runs; null: as many as they need; undefined: those of `baseFolder`. */
  freeBytes: number | null | undefined;
  /** The prompts of a source; each file is read once. */
  readPrompts(source: PromptSource): ReturnType<typeof readPrompts>;
  /** Whether a key was written, in the file or in a base of it, rather than filled in by its default. */
  given(path: string): boolean;
  /** Whether a key is written in the file itself: what a base says for others does no harm where it does nothing. */
  written(path: string): boolean;
  /** Whether all of these keys were accepted by themselves. */
  valid(...paths: string[]): boolean;
  /**
   * Where a complaint about all of these keys belongs: the first that is written in the file itself, else the first
   * that is written in a base, else the first.
   */
  firstGiven(...paths: string[]): string;
  /** `fixes`: what the remedy says, the most likely first; those that need no choice are marked as `likely`. */
  error: Report;
  warn: Report;
}

type Report = (code: string, path: string, message: string, remedy: string, fixes?: Fix[]) => void;

/** A rule between keys. It runs only when every key it needs was accepted by itself. */
export interface Rule {
  needs: string[];
  check(context: RuleContext): void;
}
