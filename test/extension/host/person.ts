/**
 * The person in front of the window: hears what the extension says, and answers what it asks. VS Code refuses to show modal
 * dialogs while suites run, so these are answered here; everything else is really shown.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach } from 'mocha';
import * as vscode from 'vscode';
import { eventually } from './studio.ts';

export interface Said {
  kind: 'Information' | 'Warning' | 'Error';
  text: string;
  modal: boolean;
  detail: string;
  actions: string[];
}

type Show = (text: string, ...rest: unknown[]) => Thenable<string | undefined>;
const kinds = ['Information', 'Warning', 'Error'] as const;

export interface Person {
  /** What was said and asked in this test. */
  said(): readonly Said[];
  /** What was said that matches, as soon as it is. */
  hears(text: RegExp): Promise<Said>;
  /** What will be answered to the next modal questions, in this order; undefined: no. Each must be asked. */
  willAnswer(...answers: (string | undefined)[]): void;
  /** Waits for the end of a command, and meanwhile closes what it says. */
  closes<T>(command: Thenable<T>): Promise<T>;
}

/** For the tests of a suite. A question that no answer was given for fails the test. */
export function aPerson(): Person {
  const real = new Map<string, Show>();
  let said: Said[] = [];
  let answers: (string | undefined)[] = [];
  let unexpected: Said[] = [];
  const window = vscode.window as unknown as Record<string, Show>;

  const hearing = (kind: Said['kind'], show: Show): Show => {
    return async (text, ...rest) => {
      const [first] = rest;
      const options = (typeof first === 'object' ? first : {}) as vscode.MessageOptions;
      const actions = rest.filter((each) => typeof each === 'string');
      const one = { kind, text, actions, modal: options.modal === true, detail: options.detail ?? '' };
      said.push(one);
      if (!one.modal) return show(text, ...rest);
      if (answers.length === 0) unexpected.push(one);
      const answer = answers.shift();
      if (answer !== undefined) assert.ok(actions.includes(answer), `${text} has no button ${answer}`);
      return answer;
    };
  };
  before(() => {
    for (const kind of kinds) {
      const name = `show${kind}Message`;
      const show = window[name]!.bind(vscode.window);
      real.set(name, window[name]!);
      window[name] = hearing(kind, show);
    }
  });
  beforeEach(() => {
    said = [];
    answers = [];
    unexpected = [];
  });
  afterEach(() => {
    assert.deepEqual(unexpected, [], 'nobody was to be asked this');
    assert.deepEqual(answers, [], 'this was to be asked for');
  });
  after(async () => {
    for (const [name, show] of real) window[name] = show;
    await vscode.commands.executeCommand('notifications.clearAll');
  });
  return {
    said: () => said,
    hears: (text) =>
      eventually(`it says ${text}`, () => {
        const heard = said.find((each) => text.test(each.text));
        if (heard === undefined) throw new Error(`it says ${JSON.stringify(said.map((each) => each.text))}`);
        return heard;
      }),
    willAnswer: (...given) => void answers.push(...given),
    async closes(command) {
      let settled = false;
      const end = Promise.resolve(command).finally(() => (settled = true));
      end.catch(() => {});
      await eventually('the command has ended', async () => {
        if (!settled) await vscode.commands.executeCommand('notifications.clearAll');
        return settled;
      });
      return end;
    },
  };
}
