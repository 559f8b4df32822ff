import { useEffect, useRef, useState } from 'preact/hooks';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { Details } from '../../media/details.tsx';
import { handleMediaKey } from '../../media/keys.ts';
import { Player } from '../../media/player.tsx';
import { FrameStrip } from '../../media/strip.tsx';
import { FrameClock, Transport } from '../../media/transport.tsx';
import { usePlayback } from '../../media/use-playback.ts';
import { Button, IconButton } from '../../ui/index.ts';
import { labelOf, type VideoActions } from './card.tsx';

export interface EnlargedProps {
  videos: readonly VideoEntry[];
  /** The one that is shown. */
  video: VideoEntry;
  kind: 'rollouts' | 'evaluation';
  iteration: number;
  frames: number | undefined;
  autoplay: boolean;
  actions: VideoActions;
  onShow: (video: VideoEntry) => void;
  onClose: () => void;
}

/** One video, large, with its frames and all that is known of it. */
export function Enlarged(props: EnlargedProps) {
  const { videos, video, kind, iteration, frames, autoplay, actions, onShow, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const source = actions.sourceOf(video);
  const playback = usePlayback(source?.video ?? null, { frames, autoplay });
  const [fault, setFault] = useState<string | null>(null);
  const at = videos.indexOf(video);
  const turn = (by: number) => {
    const next = videos[at + by];
    if (next) onShow(next);
  };
  useEffect(() => dialog.current!.showModal(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (handleMediaKey(event, playback, true)) return;
    const slides = (event.target as Element).matches('input, select');
    const turns: Record<string, number> = { PageUp: -1, PageDown: 1, ...(slides ? {} : { ArrowUp: -1, ArrowDown: 1 }) };
    if (!Object.hasOwn(turns, event.key)) return;
    event.preventDefault();
    turn(turns[event.key]);
  };
  return (
    <dialog ref={dialog} class="enlarged" aria-labelledby="enlarged-title" onClose={onClose} onKeyDown={onKeyDown}>
      <header class="enlarged-head">
        <h2 id="enlarged-title">{video.prompt}</h2>
        <p>{`${at + 1} of ${videos.length}`}</p>
        <div class="enlarged-turn">
          <IconButton icon="arrow-up" label="Previous video (↑)" disabled={at <= 0} onClick={() => turn(-1)} />
          <IconButton
            icon="arrow-down"
            label="Next video (↓)"
            disabled={at >= videos.length - 1}
            onClick={() => turn(1)}
          />
          <IconButton icon="close" label="Close (Esc)" onClick={() => dialog.current!.close()} />
        </div>
      </header>
      <div class="enlarged-body">
        <div class="enlarged-film">
          <Player eager source={source} playback={playback} label={labelOf(video)} onFault={setFault} />
          <div class="enlarged-bar">
            <Transport playback={playback} />
            <FrameClock playback={playback} />
          </div>
          {source && !fault && <FrameStrip key={source.video} address={source.video} playback={playback} />}
        </div>
        <div class="enlarged-facts">
          <Details video={video} kind={kind} iteration={iteration} />
          <div class="ui-row">
            <Button icon="copy" onClick={() => actions.copyPrompt(video)}>
              Copy Prompt
            </Button>
            <Button icon="key" onClick={() => actions.copySeed(video)}>
              Copy Seed
            </Button>
            <Button icon="file" onClick={() => actions.copyFile(video)}>
              Copy File Path
            </Button>
            <Button icon="go-to-file" onClick={() => actions.openInEditor(video)}>
              Open in Editor
            </Button>
          </div>
        </div>
      </div>
    </dialog>
  );
}
