import { useEffect, useRef, useState } from 'preact/hooks';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { formatNumber } from '../../charts/numbers.ts';
import type { Playback } from '../../media/playback.ts';
import type { VideosAnswer } from '../../media/videos.ts';
import { Badge, Tooltip } from '../../ui/index.ts';
import { Card, type VideoActions } from './card.tsx';
import { counterpartOf, type PromptGroup } from './groups.ts';
import { layoutOf } from './layout.ts';
import { useWidth } from './use-width.ts';

/** Pixels of the narrowest card, by size. */
export const cardSizes = { small: 96, medium: 118, large: 216 } as const;
export type CardSize = keyof typeof cardSizes;

export interface GalleryProps {
  groups: readonly PromptGroup[];
  kind: 'rollouts' | 'evaluation';
  size: CardSize;
  playback: Playback;
  actions: VideoActions;
  /** The iteration that stands beside each video. */
  beside: { answer: VideosAnswer; actions: VideoActions } | null;
  onEnlarge: (video: VideoEntry) => void;
}

/** Prompts in rows, generations beside each other. Arrow keys go from card to card. */
export function Gallery(props: GalleryProps) {
  const { groups, kind, size, playback, actions, beside, onEnlarge } = props;
  const all = useRef<HTMLDivElement>(null);
  const width = useWidth(all);
  const [current, setCurrent] = useState(0);
  const most = Math.max(1, ...groups.map(({ videos }) => videos.length));
  const { columns, group } = layoutOf(width, most, cardSizes[size] * (beside ? 2 : 1));
  useEffect(() => {
    all.current!.style.setProperty('--columns', String(columns));
    all.current!.style.setProperty('--group', `${group}px`);
  }, [columns, group]);
  let index = 0;
  return (
    <div class={`gallery gallery-${size}`} ref={all} onKeyDown={(event) => moveFocus(event, all.current!)}>
      {groups.map((members) => (
        <section key={members.key} class="group" aria-labelledby={`group-${members.key}`}>
          <GroupHead group={members} kind={kind} />
          <ul class="cards">
            {members.videos.map((video) => {
              const own = index++;
              return (
                <Card
                  key={video.generation}
                  video={video}
                  index={own}
                  current={own === current}
                  playback={playback}
                  actions={actions}
                  beside={
                    beside && {
                      iteration: beside.answer.iteration,
                      found: counterpartOf(video, beside.answer.videos),
                      actions: beside.actions,
                    }
                  }
                  onEnlarge={() => onEnlarge(video)}
                  onCurrent={() => setCurrent(own)}
                />
              );
            })}
          </ul>
        </section>
      ))}
    </div>
  );
}

function GroupHead({ group, kind }: { group: PromptGroup; kind: 'rollouts' | 'evaluation' }) {
  const { mean, std, scored, dead } = group.statistics;
  const total = group.videos.length;
  return (
    <header class="group-head">
      <h3 id={`group-${group.key}`}>{group.prompt}</h3>
      <p>
        {mean !== null && (
          <span>
            reward <b>{formatNumber(mean)}</b>
            {scored > 1 && ` ± ${formatNumber(std)}`}
          </span>
        )}
        {scored < total && <span>{`${scored} of ${total} scored`}</span>}
        {dead && kind === 'rollouts' && (
          <Tooltip text="Its rewards are all equal, or fewer than two: every advantage is 0, so this prompt teaches nothing.">
            <span tabIndex={0}>
              <Badge icon="circle-slash" tone="warning">
                dead group
              </Badge>
            </span>
          </Tooltip>
        )}
      </p>
    </header>
  );
}

/** Moves the focus among the cards as they lie on the page. */
function moveFocus(event: KeyboardEvent, gallery: HTMLElement): void {
  const from = event.target as HTMLElement;
  if (!from.matches('.card-open') || event.ctrlKey || event.altKey || event.metaKey) return;
  const cards = [...gallery.querySelectorAll<HTMLElement>('.card-open')];
  const at = cards.indexOf(from);
  const next =
    event.key === 'ArrowRight'
      ? cards[at + 1]
      : event.key === 'ArrowLeft'
        ? cards[at - 1]
        : event.key === 'ArrowDown' || event.key === 'ArrowUp'
          ? nearestInNextRow(cards, from, event.key === 'ArrowDown' ? 1 : -1)
          : undefined;
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

/** Of the cards in the next row up or down, the one that is most nearly in line. */
function nearestInNextRow(cards: HTMLElement[], from: HTMLElement, direction: 1 | -1): HTMLElement | undefined {
  const own = from.getBoundingClientRect();
  const others = cards
    .map((card) => ({ card, box: card.getBoundingClientRect() }))
    .filter(({ box }) => (box.top - own.top) * direction > own.height / 2);
  const row = Math.min(...others.map(({ box }) => box.top * direction));
  return others
    .filter(({ box }) => Math.abs(box.top * direction - row) < own.height / 2)
    .sort((a, b) => Math.abs(a.box.left - own.left) - Math.abs(b.box.left - own.left))[0]?.card;
}
