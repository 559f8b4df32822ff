/** One line of what a suite inside the extension host writes; the last one says that it came to its end. */
export type Line =
  | {
      kind: 'test';
      title: readonly string[];
      state: 'passed' | 'failed' | 'skipped';
      error?: string;
    }
  | { kind: 'end' };

export type TestRecord = Extract<Line, { kind: 'test' }>;

/** Environment variables by which the two sides meet. */
export const resultsVariable = 'SAGE_TEST_RESULTS';
/** Names of suites, separated by commas; where it is not set, all that run on the sources. */
export const suitesVariable = 'SAGE_TEST_SUITES';
/** By which VS Code knows the extension, from sources and installed. */
export const extensionId = 'sage-studio.sage-studio';
