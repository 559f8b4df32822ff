import { signal, type ReadonlySignal } from '@preact/signals';
import type { ExplorationPreview, Problem } from '../../engine/protocol.ts';
import { keepChoices, type Choices } from '../choices.ts';
import { scheduleVersion, toSchedule, type FromSchedule, type ToSchedule } from '../contract/schedule.ts';
import { connectHost } from '../host.ts';

type Message<Type extends ToSchedule['type']> = Extract<ToSchedule, { type: Type }>;
type Save = Extract<FromSchedule, { type: 'save' }>;

/** What the preview knows. Choices outlive the page. */
export interface ScheduleStore extends Choices {
  readonly setup: ReadonlySignal<Message<'setup'> | null>;
  readonly connection: ReadonlySignal<Message<'connection'>>;
  readonly diagnostics: ReadonlySignal<Message<'exploration'>['diagnostics']>;
  /** The newest that was valid: while a value is being typed, the charts stay. */
  readonly preview: ReadonlySignal<ExplorationPreview | null>;
  /** Whether `preview` is of the text as it stands. */
  readonly current: ReadonlySignal<boolean>;
  readonly problem: ReadonlySignal<Problem | null>;
  openConfig(line: number, column: number): void;
  save(name: string, format: Save['format'], data: string): void;
}

/** Connects to the host and says that it listens. */
export function openScheduleStore(): ScheduleStore {
  const setup = signal<Message<'setup'> | null>(null);
  const connection = signal<Message<'connection'>>({ type: 'connection', state: 'connecting', message: null });
  const diagnostics = signal<Message<'exploration'>['diagnostics']>([]);
  const preview = signal<ExplorationPreview | null>(null);
  const current = signal(false);
  const problem = signal<Problem | null>(null);
  const take = (message: ToSchedule) => {
    if (message.type === 'setup') {
      setup.value = message;
      keep();
    } else if (message.type === 'connection') connection.value = message;
    else if (message.type === 'problem') problem.value = message.problem;
    else {
      problem.value = null;
      diagnostics.value = message.diagnostics;
      current.value = message.preview !== null;
      preview.value = message.preview ?? preview.value;
    }
  };
  const host = connectHost<ToSchedule, FromSchedule>(toSchedule, take, (fault) => {
    problem.value = {
      code: 'panel/message-not-understood',
      message: `The extension sent something that the preview does not understand (${fault}).`,
      remedy: 'Reload the window: the preview may be of another version than the extension.',
      place: {},
    };
  });
  const kept = (host.kept() ?? {}) as { uri?: unknown; choices?: unknown };
  let choices: unknown = kept.choices;
  const keep = () => host.keep({ uri: setup.value?.uri ?? kept.uri, choices });
  const { choice } = keepChoices(kept.choices, (changed) => {
    choices = changed;
    keep();
  });
  host.post({ type: 'ready', version: scheduleVersion });
  return {
    ...{ setup, connection, diagnostics, preview, current, problem, choice },
    openConfig: (line, column) => host.post({ type: 'openConfig', line, column }),
    save: (name, format, data) => host.post({ type: 'save', name, format, data }),
  };
}
