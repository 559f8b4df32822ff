import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { EnginePolicy } from './policy.ts';

const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
const controls = /(?!\t)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of another program as it can be shown: one line, without escape sequences and control characters. */
export function plainText(text: string): string {
  return text.replace(escapes, '').replace(controls, '');
}

/** The lines of a program's standard error, as far as they have come. */
export interface LogLines {
  /** The last lines that are not of the engine's log, joined: why it ended, where it says. */
  tail(): string;
  /** Gives what is left without a line end. */
  flush(): void;
}

const tailLines = 8;
/** A line of the engine's own log, which begins with its time. What else it prints is about a failure. */
const ofLog = /^\d{4}-\d\d-\d\dT[\d:.]+Z /;

/** Cuts a stream into plain lines of bounded length, and leaves out what comes faster than anyone can read. */
export function readLogLines(input: Readable, limits: EnginePolicy['log'], line: (text: string) => void): LogLines {
  const decoder = new StringDecoder('utf8');
  const last: string[] = [];
  let rest = '';
  let cut = false;
  let second = { begun: 0, lines: 0, leftOut: 0 };

  function admit(): boolean {
    const now = performance.now();
    if (now - second.begun >= 1000) {
      report();
      second = { begun: now, lines: 0, leftOut: 0 };
    }
    if (second.lines++ < limits.linesPerSecond) return true;
    second.leftOut += 1;
    return false;
  }
  function report(): void {
    if (second.leftOut > 0) line(`… ${second.leftOut} more lines left out`);
    second.leftOut = 0;
  }
  function give(raw: string): void {
    const tooLong = cut || raw.length > limits.line;
    cut = false;
    const text = plainText(raw.slice(0, limits.line)).trimEnd();
    if (text === '' || !admit()) return;
    const shown = tooLong ? `${text} …` : text;
    if (!ofLog.test(shown)) last.push(shown);
    if (last.length > tailLines) last.shift();
    line(shown);
  }
  function take(chunk: string): void {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const each of lines) give(each);
    if (rest.length > limits.line) {
      rest = rest.slice(0, limits.line);
      cut = true;
    }
  }
  input.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  input.on('error', () => {});
  return {
    tail: () => last.join('\n'),
    flush() {
      if (rest !== '') give(rest);
      rest = '';
      report();
    },
  };
}
