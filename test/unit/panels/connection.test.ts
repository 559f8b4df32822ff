import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboardActions } from '../../../webview/contract/dashboard.ts';
import { commandOf, needsTrust } from '../../../src/views/panels/actions.ts';
import { connectionOf } from '../../../src/views/panels/connection.ts';

const problem = { code: 'engine/ended', message: 'The engine ended.', remedy: 'Open its log.', place: {} } as const;

describe('what a page says of the engine', () => {
  it('names what happens next', () => {
    const backoff = { kind: 'backoff', attempt: 2, until: 10_000, problem } as const;
    expect(connectionOf(backoff, 7_400).message).toBe(
      'The engine ended. It is started again in 3 s. Trainers go on without it.',
    );
    expect(connectionOf(backoff, 12_000).message).toContain('in 1 s');
    expect(connectionOf({ kind: 'crashed', problem }, 0)).toEqual({
      state: 'disconnected',
      message: 'The engine ended. Open its log. Run “SAGE: Restart Engine” from the command palette.',
    });
    expect(connectionOf({ kind: 'starting' }, 0)).toEqual({ state: 'connecting', message: null });
    for (const kind of ['stopped', 'stopping'] as const)
      expect(connectionOf({ kind }, 0).message).toContain('Trainers go on without it.');
  });
});

describe('the buttons of a dashboard', () => {
  it('all have a command, but for the one that opens a file', () => {
    const without = dashboardActions.filter((action) => !(action in commandOf));
    expect(without).toEqual(['config']);
  });

  it('need trust when their commands do, and only then', () => {
    const { contributes } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../../package.json'), 'utf8'));
    const commands: { command: string; enablement?: string }[] = contributes.commands;
    const trusted = commands.filter(({ enablement }) => enablement?.includes('isWorkspaceTrusted'));
    const needing = Object.entries(commandOf).filter(([, id]) => trusted.some(({ command }) => command === id));
    expect(dashboardActions.filter(needsTrust).sort()).toEqual(needing.map(([action]) => action).sort());
    expect(needing).toHaveLength(7);
  });
});
