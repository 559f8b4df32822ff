/** Questions of webviews: checked, answered a few at a time, and refused when there are too many. */
import type { z } from 'zod';
import type { Problem } from '../../../engine/protocol.ts';
import { pageProblem } from '../../engine/problems.ts';

/** Questions that are being answered at once, and those that may wait, for each webview. */
const atOnce = 4;
const mayWait = 60;

interface Question {
  id: number;
  question: string;
  params: unknown;
}

export type Reply = { type: 'answer'; id: number; result: unknown } | { type: 'refusal'; id: number; problem: Problem };

type Contract = Record<string, { params: z.ZodType; result: z.ZodType }>;
/** How each question of a contract is answered. */
export type Answers<Questions extends Contract> = {
  [Name in keyof Questions]: (
    params: z.output<Questions[Name]['params']>,
    signal: AbortSignal,
  ) => Promise<z.input<Questions[Name]['result']>>;
};

export interface Questioning {
  ask(question: Question): void;
  /** Forgets the questions that are open; they get no reply. */
  forget(): void;
}

const refusals = {
  busy: {
    code: 'panel/too-many-questions',
    message: 'Too many questions at once.',
    remedy: 'Ask again later.',
    place: {},
  },
  params: { code: 'panel/bad-params', message: 'The question is not understood.', remedy: '', place: {} },
} satisfies Record<string, Problem>;

/** Answers the questions of one webview. */
export function questioning<Questions extends Contract>(
  contract: Questions,
  answers: Answers<Questions>,
  reply: (reply: Reply) => void,
): Questioning {
  let waiting: Question[] = [];
  let open = 0;
  let round = new AbortController();

  async function answer({ id, question, params }: Question, signal: AbortSignal): Promise<void> {
    try {
      const checked = contract[question].params.safeParse(params);
      if (!checked.success) return reply({ type: 'refusal', id, problem: refusals.params });
      const result = await answers[question](checked.data as never, signal);
      if (!signal.aborted) reply({ type: 'answer', id, result });
    } catch (error) {
      if (!signal.aborted) reply({ type: 'refusal', id, problem: pageProblem(error) });
    }
  }
  function next(): void {
    while (open < atOnce && waiting.length > 0) {
      open += 1;
      void answer(waiting.shift()!, round.signal).finally(() => {
        open -= 1;
        next();
      });
    }
  }
  return {
    ask(question) {
      if (waiting.length >= mayWait) return reply({ type: 'refusal', id: question.id, problem: refusals.busy });
      waiting.push(question);
      next();
    },
    forget() {
      waiting = [];
      round.abort();
      round = new AbortController();
    },
  };
}
