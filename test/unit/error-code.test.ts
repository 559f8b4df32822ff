import { expect, test } from 'vitest';
import { errorCode } from '../../engine/error-code.ts';
import { codeGroups } from '../../engine/config/codes.ts';
import { healthCodes } from '../../engine/protocol.ts';

test.each(['run/locked', 'file/not-a-file', 'worker/rank-2'])('%s is an error code', (code) => {
  expect(errorCode.safeParse(code).success).toBe(true);
});

test.each(['locked', 'run-locked', 'run/', '/locked', 'run/not_locked', 'Run/locked', 'run/-locked', 'a/run/locked'])(
  '%s is none',
  (code) => {
    expect(errorCode.safeParse(code).success).toBe(false);
  },
);

test('codes that are listed keep to it', () => {
  const ofConfigs = codeGroups.flatMap(({ codes }) => Object.keys(codes).map((name) => `config/${name}`));
  const strange = [...healthCodes, ...ofConfigs].filter((code) => !errorCode.safeParse(code).success);
  expect(strange).toEqual([]);
});
