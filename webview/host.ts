/** The one line between a webview and the extension host. What comes in is checked, what goes out is typed. */
import type { z } from 'zod';
import { firstIssue } from '../engine/protocol.ts';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

export interface Host<From> {
  post(message: From): void;
  /** What was kept when the view was last open; unchecked. */
  kept(): unknown;
  keep(state: unknown): void;
}

/** @param refuse gets what a message that does not follow the contract lacks */
export function connectHost<To, From>(
  schema: z.ZodType<To>,
  take: (message: To) => void,
  refuse: (fault: string) => void,
): Host<From> {
  const api = acquireVsCodeApi();
  window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const read = schema.safeParse(data);
    if (read.success) take(read.data);
    else refuse(firstIssue(read.error));
  });
  return {
    post: (message) => api.postMessage(message),
    kept: () => api.getState(),
    keep: (state) => api.setState(state),
  };
}

/** Why the host could not answer. */
export interface Refusal {
  message: string;
  remedy: string;
}

/** Questions on their way: numbers them and hands each answer to who asked. */
export function questionBook() {
  const open = new Map<number, { resolve: (result: unknown) => void; reject: (refusal: Refusal) => void }>();
  let last = 0;
  return {
    /** @param send posts the question under its number */
    ask: (send: (id: number) => void) =>
      new Promise<unknown>((resolve, reject) => {
        last += 1;
        open.set(last, { resolve, reject });
        send(last);
      }),
    answer(id: number, result: unknown): void {
      open.get(id)?.resolve(result);
      open.delete(id);
    },
    refuse(id: number, refusal: Refusal): void {
      open.get(id)?.reject(refusal);
      open.delete(id);
    },
  };
}
