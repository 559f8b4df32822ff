import { useRef, useState } from 'preact/hooks';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { formatNumber } from '../../charts/numbers.ts';
import { Player, type Source } from '../../media/player.tsx';
import type { Playback } from '../../media/playback.ts';
import { Scores, seedText } from '../../media/scores.tsx';
import { signed } from '../../media/numbers.ts';
import { Icon, Menu, type MenuItem } from '../../ui/index.ts';
import type { Counterpart } from './groups.ts';

/** What can be done with a video, and where it is found. */
export interface VideoActions {
  sourceOf(video: VideoEntry): Source | null;
  copyPrompt(video: VideoEntry): void;
  copySeed(video: VideoEntry): void;
  copyFile(video: VideoEntry): void;
  openInEditor(video: VideoEntry): void;
}

/** The same prompt and generation at another iteration. */
export interface Beside {
  iteration: number;
  /** Null: the prompt was not sampled there. */
  found: Counterpart | null;
  actions: VideoActions;
}

export interface CardProps {
  video: VideoEntry;
  /** Its place among all cards. */
  index: number;
  /** The Tab key stops at one of the cards. */
  current: boolean;
  playback: Playback;
  actions: VideoActions;
  beside: Beside | null;
  onEnlarge: () => void;
  onCurrent: () => void;
}

/** The words for those who do not see the video. */
export function labelOf(video: VideoEntry): string {
  const reward = video.reward === null ? 'not scored' : `reward ${formatNumber(video.reward)}`;
  return `${video.prompt}, generation ${video.generation}, ${reward}`;
}

export function menuOf(video: VideoEntry, actions: VideoActions): MenuItem[] {
  return [
    { id: 'prompt', label: 'Copy Prompt', icon: 'copy', onSelect: () => actions.copyPrompt(video) },
    { id: 'seed', label: 'Copy Seed', icon: 'key', onSelect: () => actions.copySeed(video) },
    { id: 'file', label: 'Copy File Path', icon: 'file', onSelect: () => actions.copyFile(video) },
    { id: 'open', label: 'Open in Editor', icon: 'go-to-file', onSelect: () => actions.openInEditor(video) },
  ];
}

/** One video with its scores. Its menu is there while it is pointed at or has the focus. */
export function Card(props: CardProps) {
  const { video, index, current, playback, actions, beside, onEnlarge, onCurrent } = props;
  const own = useRef<HTMLLIElement>(null);
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const onLeft = (own.current?.getBoundingClientRect().left ?? 0) < window.innerWidth / 2;
  const source = actions.sourceOf(video);
  return (
    <li
      ref={own}
      class={`card${beside ? ' card-pair' : ''}${onLeft ? ' card-on-left' : ''}`}

      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
      onFocusIn={() => {
        setFocused(true);
        onCurrent();
      }}
      onFocusOut={(event) => setFocused(own.current!.contains(event.relatedTarget as Node | null))}
    >
      <div class="card-pictures">
        <div class="card-picture">
          <Player source={source} playback={playback} label={labelOf(video)} onFault={setFault} />
          <button
            type="button"
            class="card-open"
            data-card={index}
            tabIndex={current ? 0 : -1}
            aria-label={`Enlarge: ${labelOf(video)}`}
            onClick={onEnlarge}
          />
          <span class="card-number" aria-hidden="true">
            g{video.generation}
          </span>
        </div>
        {beside && <BesidePicture beside={beside} playback={playback} />}
        {(pointed || focused) && (
          <div class="card-menu">
            <Menu label={`Actions for ${labelOf(video)}`} icon="ellipsis" items={menuOf(video, actions)} />
          </div>
        )}
      </div>
      {fault && (
        <button type="button" class="card-link" onClick={() => actions.openInEditor(video)}>
          Open in editor
        </button>
      )}
      <div class="card-facts">
        <Scores video={video} />
        {beside && <BesideScores video={video} beside={beside} />}
        <p class="card-seed" title={seedText(video)}>
          <Icon name="key" />
          <span class="ui-hidden">{seedText(video)}</span>
          <span aria-hidden="true">{shortSeed(video)}</span>
        </p>
      </div>
    </li>
  );
}

/** The parts of a seed key in their order: seed, stream, iteration, prompt, generation. */
function shortSeed({ seedKey }: VideoEntry): string {
  const { seed, stream, iteration, prompt, generation } = seedKey;
  return [seed, stream, iteration, prompt, generation].join('·');
}

function BesidePicture({ beside, playback }: { beside: Beside; playback: Playback }) {
  const { found, iteration, actions } = beside;
  return (
    <div class="card-picture">
      {found ? (
        <Player
          source={actions.sourceOf(found.video)}
          playback={playback}
          label={`Iteration ${iteration}: ${labelOf(found.video)}`}
        />
      ) : (
        <p class="player card-absent">Not sampled at iteration {iteration}</p>
      )}
      <span class="card-number" aria-hidden="true">
        it {iteration}
      </span>
    </div>
  );
}

function BesideScores({ video, beside }: { video: VideoEntry; beside: Beside }) {
  const { found, iteration } = beside;
  if (!found) return null;
  const { reward } = found.video;
  const change = reward === null || video.reward === null ? null : video.reward - reward;
  return (
    <p class="card-beside">
      <span>
        at iteration {iteration}: <b>{formatNumber(reward)}</b>
        {change === null ? '' : ` (${signed(change)} here)`}
      </span>
      {!found.sameSeed && (
        <span class="card-other-seed">
          <Icon name="warning" /> other seed
        </span>
      )}
    </p>
  );
}
