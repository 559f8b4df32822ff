import { signal, type ReadonlySignal } from '@preact/signals';
import type { Problem } from '../../engine/protocol.ts';
import { toVideo, videoVersion, type FromVideo, type ToVideo } from '../contract/video.ts';
import { connectHost } from '../host.ts';

export type VideoSetup = Extract<ToVideo, { type: 'setup' }>;

/** What the editor of a video knows and what it can ask for. */
export interface VideoStore {
  readonly setup: ReadonlySignal<VideoSetup | null>;
  readonly problem: ReadonlySignal<Problem | null>;
  copy(text: string): void;
  openExternally(): void;
  openDashboard(): void;
  /** Has the host send all anew. */
  begin(): void;
}

/** Connects to the host and says that it listens. */
export function openVideoStore(): VideoStore {
  const setup = signal<VideoSetup | null>(null);
  const problem = signal<Problem | null>(null);
  const take = (message: ToVideo) => {
    if (message.type === 'problem') problem.value = message.problem;
    else {
      problem.value = null;
      setup.value = message;
    }
  };
  const host = connectHost<ToVideo, FromVideo>(toVideo, take, (fault) => {
    problem.value = {
      code: 'panel/message-not-understood',
      message: `The extension sent something that the video editor does not understand (${fault}).`,
      remedy: 'Reload the window: the editor may be of another version than the extension.',
      place: {},
    };
  });
  const begin = () => host.post({ type: 'ready', version: videoVersion });
  begin();
  return {
    ...{ setup, problem, begin },
    copy: (text) => host.post({ type: 'copy', text }),
    openExternally: () => host.post({ type: 'openExternally' }),
    openDashboard: () => host.post({ type: 'openDashboard' }),
  };
}
