import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { z } from 'zod';
import type { Problem, RunSummary, RunView } from '../../engine/protocol.ts';
import { keepChoices, type Choices } from '../choices.ts';
import {
  dashboardQuestions,
  dashboardVersion,
  toDashboard,
  type DashboardQuestion,
  type FromDashboard,
  type ToDashboard,
} from '../contract/dashboard.ts';
import { connectHost, questionBook } from '../host.ts';
import { changeView } from './change-view.ts';
import { paced } from './paced.ts';

type Message<Type extends ToDashboard['type']> = Extract<ToDashboard, { type: Type }>;
type Sent<Type extends FromDashboard['type']> = Extract<FromDashboard, { type: Type }>;
export type DashboardAction = Sent<'action'>['action'];
export type AnswerTo<Name extends DashboardQuestion> = z.output<(typeof dashboardQuestions)[Name]['result']>;

/** What the dashboard knows and what it can ask for. Choices outlive the page. */
export interface Store extends Choices {
  readonly setup: ReadonlySignal<Message<'setup'> | null>;
  readonly connection: ReadonlySignal<Message<'connection'>>;
  readonly summary: ReadonlySignal<RunSummary | null>;
  readonly view: ReadonlySignal<RunView | null>;
  readonly problem: ReadonlySignal<Problem | null>;
  /** The action that is being carried out. */
  readonly busy: ReadonlySignal<DashboardAction | null>;
  /** Whether anything may be started or steered. */
  readonly trusted: ReadonlySignal<boolean>;
  /** Rejects with a `Refusal`. */
  ask<Name extends DashboardQuestion>(
    question: Name,
    params: z.input<(typeof dashboardQuestions)[Name]['params']>,
  ): Promise<AnswerTo<Name>>;
  act(action: DashboardAction, iteration?: number): void;
  copy(text: string): void;
  save(name: string, format: Sent<'save'>['format'], data: string): void;
  openVideo(kind: Sent<'openVideo'>['kind'], iteration: number, file: string): void;
  /** Has the host send all anew. */
  begin(): void;
}

/** Columns that the series has at least when it was folded; twice as many at most. */
export const columnsKept = 500;

/** Connects to the host and says that it listens. */
export function openStore(): Store {
  const setup = signal<Message<'setup'> | null>(null);
  const connection = signal<Message<'connection'>>({ type: 'connection', state: 'connecting', message: null });
  const summary = signal<RunSummary | null>(null);
  const view = signal<RunView | null>(null);
  const problem = signal<Problem | null>(null);
  const busy = signal<DashboardAction | null>(null);
  const questions = questionBook();

  const take = (message: ToDashboard) => {
    if (message.type === 'setup') {
      setup.value = message;
      keep();
    } else if (message.type === 'connection') connection.value = message;
    else if (message.type === 'summary') summary.value = message.summary;
    else if (message.type === 'problem') problem.value = message.problem;
    else if (message.type === 'busy') busy.value = message.action;
    else if (message.type === 'show') showVideos(choice, message);
    else if (message.type === 'view') {
      problem.value = null;
      view.value = message.view;
    } else if (message.type === 'change') takeChange(view, message.change);
  };

  const draw = paced<ToDashboard>((messages) => batch(() => messages.forEach(take)));
  const receive = (message: ToDashboard) => {
    if (message.type === 'answer') return questions.answer(message.id, message.result);
    if (message.type === 'refusal') return questions.refuse(message.id, message.problem);
    draw(message, message.type !== 'change');
  };

  const host = connectHost<ToDashboard, FromDashboard>(toDashboard, receive, (fault) => {
    problem.value = notUnderstood(fault);
  });
  const kept = (host.kept() ?? {}) as { run?: unknown; choices?: unknown };
  let choices: unknown = kept.choices;
  const keep = () => host.keep({ run: setup.value?.run ?? kept.run, choices });
  const { choice } = keepChoices(kept.choices, (changed) => {
    choices = changed;
    keep();
  });
  const begin = () => host.post({ type: 'ready', version: dashboardVersion });

  begin();
  return {
    ...{ setup, connection, summary, view, problem, busy, choice, begin },
    trusted: computed(() => setup.value?.trusted === true),
    ask: async (question, params) => {
      const answer = await questions.ask((id) => host.post({ type: 'ask', id, question, params }));
      const read = dashboardQuestions[question].result.safeParse(answer);
      if (read.success) return read.data as AnswerTo<typeof question>;
      throw notUnderstood(read.error.issues[0].message);
    },
    act: (action, iteration) => {
      if (busy.value === null) host.post({ type: 'action', action, ...(iteration === undefined ? {} : { iteration }) });
    },
    copy: (text) => host.post({ type: 'copy', text }),
    save: (name, format, data) => host.post({ type: 'save', name, format, data }),
    openVideo: (kind, iteration, file) => host.post({ type: 'openVideo', kind, iteration, file }),
  };
}

function takeChange(view: Signal<RunView | null>, change: Message<'change'>['change']): void {
  if (view.value) view.value = changeView(view.value, change, columnsKept);
}

/** Turns to the videos of an iteration, as if a person had. */
function showVideos(choice: Choices['choice'], { kind, iteration }: Message<'show'>): void {
  choice<string>('tab', 'health').value = 'rollouts';
  choice<string>('rollouts.kind', 'rollouts').value = kind;
  choice<number | null>('rollouts.iteration', null).value = iteration;
  choice<boolean>('rollouts.follow', true).value = false;
}

function notUnderstood(fault: string): Problem {
  return {
    code: 'panel/message-not-understood',
    message: `The extension sent something that the dashboard does not understand (${fault}).`,
    remedy: 'Reload the window: the dashboard may be of another version than the extension.',
    place: {},
  };
}
