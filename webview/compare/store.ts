import { signal, type ReadonlySignal } from '@preact/signals';
import type { z } from 'zod';
import type { Problem } from '../../engine/protocol.ts';
import { keepChoices, type Choices } from '../choices.ts';
import { compareQuestions, compareVersion, toCompare, type FromCompare, type ToCompare } from '../contract/compare.ts';
import { connectHost, questionBook } from '../host.ts';
import type { VideosAnswer } from '../media/videos.ts';

type Message<Type extends ToCompare['type']> = Extract<ToCompare, { type: Type }>;
export type Setup = Message<'setup'>;
export type Compared = Message<'comparison'>;

/** What the comparison knows and what it can ask for. Choices outlive the page. */
export interface CompareStore extends Choices {
  readonly setup: ReadonlySignal<Setup | null>;
  readonly connection: ReadonlySignal<Message<'connection'>>;
  readonly compared: ReadonlySignal<Compared | null>;
  readonly problem: ReadonlySignal<Problem | null>;
  /** Rejects with a `Refusal`. */
  videos(params: z.input<typeof compareQuestions.videos.params>): Promise<VideosAnswer>;
  openDashboard(run: string): void;
  copy(text: string): void;
  save(name: string, format: 'svg' | 'png' | 'csv', data: string): void;
  /** Has the host send all anew. */
  begin(): void;
}

/** Connects to the host and says that it listens. */
export function openCompareStore(): CompareStore {
  const setup = signal<Setup | null>(null);
  const connection = signal<Message<'connection'>>({ type: 'connection', state: 'connecting', message: null });
  const compared = signal<Compared | null>(null);
  const problem = signal<Problem | null>(null);
  const questions = questionBook();
  const take = (message: ToCompare) => {
    if (message.type === 'answer') questions.answer(message.id, message.result);
    else if (message.type === 'refusal') questions.refuse(message.id, message.problem);
    else if (message.type === 'connection') connection.value = message;
    else if (message.type === 'problem') problem.value = message.problem;
    else if (message.type === 'setup') {
      setup.value = message;
      keep();
    } else {
      problem.value = null;
      compared.value = message;
    }
  };
  const host = connectHost<ToCompare, FromCompare>(toCompare, take, (fault) => {
    problem.value = notUnderstood(fault);
  });
  const kept = (host.kept() ?? {}) as { runs?: unknown; choices?: unknown };
  let choices: unknown = kept.choices;
  const keep = () => host.keep({ runs: setup.value?.runs ?? kept.runs, choices });
  const { choice } = keepChoices(kept.choices, (changed) => {
    choices = changed;
    keep();
  });
  const begin = () => host.post({ type: 'ready', version: compareVersion });
  begin();
  return {
    ...{ setup, connection, compared, problem, choice, begin },
    videos: async (params) => {
      const answer = await questions.ask((id) => host.post({ type: 'ask', id, question: 'videos', params }));
      const read = compareQuestions.videos.result.safeParse(answer);
      if (read.success) return read.data;
      throw notUnderstood(read.error.issues[0].message);
    },
    openDashboard: (run) => host.post({ type: 'openDashboard', run }),
    copy: (text) => host.post({ type: 'copy', text }),
    save: (name, format, data) => host.post({ type: 'save', name, format, data }),
  };
}

function notUnderstood(fault: string): Problem {
  return {
    code: 'panel/message-not-understood',
    message: `The extension sent something that the comparison does not understand (${fault}).`,
    remedy: 'Reload the window: the comparison may be of another version than the extension.',
    place: {},
  };
}
