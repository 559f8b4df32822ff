import type { Advice } from '../../engine/protocol.ts';

/** A command of the palette, by its id and by its title. */
interface PaletteCommand {
  id: string;
  title: string;
}

/** The commands that do what an error of the engine advises. */
export const palette: Readonly<Record<Advice['action'], PaletteCommand>> = {
  resume: { id: 'sage.resume', title: 'Resume' },
  'resume-from': { id: 'sage.resumeFrom', title: 'Resume from Checkpoint…' },
  inspect: { id: 'sage.openDashboard', title: 'Open Dashboard' },
  stop: { id: 'sage.stop', title: 'Stop…' },
  list: { id: 'sage.refreshRuns', title: 'Refresh Runs' },
  doctor: { id: 'sage.doctor', title: 'Doctor: Check This Machine' },
  'setup-torch': { id: 'sage.setupTorch', title: 'Set Up PyTorch…' },
  estimate: { id: 'sage.estimate', title: 'Estimate Memory and Time' },
};

/** What is advised, as a command with its argument. */
export function commandOf(advice: Advice): PaletteCommand & { argument?: unknown } {
  const command = palette[advice.action];
  if (!('run' in advice)) return command;
  return { ...command, argument: 'from' in advice ? { run: advice.run, from: advice.from } : advice.run };
}

/** The same with what is advised in the text of its remedy, for where there can be no buttons. */
export function inEditor<Advised extends { remedy?: string; advice?: Advice[] }>(advised: Advised): Advised {
  const { remedy, advice = [], ...rest } = advised;
  if (advice.length === 0) return advised;
  const titles = advice.map((each) => `SAGE: ${palette[each.action].title.replace('…', '')}`);
  return { ...rest, remedy: [remedy, `(${titles.join(', ')})`].filter(Boolean).join(' ') } as Advised;
}
