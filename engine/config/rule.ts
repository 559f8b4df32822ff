import type { Config } from './schema.ts';

/** What a rule between keys may look at, and how it says what it found. */
export interface RuleContext {
  config: Config;
  baseFolder: string;
  checkFiles: boolean;
  /** Whether a key was written, rather than filled in by its default. */
  given(path: string): boolean;
  /** Whether all of these keys were accepted by themselves. */
  valid(...paths: string[]): boolean;
  /** The first of these keys that was written, else the first: where a complaint about all of them belongs. */
  firstGiven(...paths: string[]): string;
  error(code: string, path: string, message: string, remedy: string): void;
  warn(code: string, path: string, message: string, remedy: string): void;
}

/** A rule between keys. It runs only when every key it needs was accepted by itself. */
export interface Rule {
  needs: string[];
  check(context: RuleContext): void;
}
