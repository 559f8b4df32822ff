import type { ComponentChildren } from 'preact';
import { formatNumber } from '../charts/numbers.ts';
import type { VideoEntry } from '../../engine/protocol.ts';
import { Facts, Icon } from '../ui/index.ts';
import { Advantage, rawOf, seedText } from './scores.tsx';

export interface DetailsProps {
  video: VideoEntry;
  kind: 'rollouts' | 'evaluation';
  iteration: number;
  /** Further words and values. */
  more?: readonly (readonly [string, ComponentChildren])[];
}

/** Everything that the run knows of a video. */
export function Details({ video, kind, iteration, more = [] }: DetailsProps) {
  const { reward, components, heldOut, notes, distance, advantage, generation, reason } = video;
  const scored: (readonly [string, ComponentChildren])[] =
    reward === null
      ? [['Reward', <Unscored key="reason" reason={reason} />]]
      : [
          ['Reward', <strong key="reward">{formatNumber(reward)}</strong>],
          ...(advantage === null ? [] : [['Advantage', <Advantage key="advantage" value={advantage} />] as const]),
          ...Object.entries(components ?? {}).map(
            ([name, value]) => [name, componentText(video, name, value)] as const,
          ),
          ...Object.entries(heldOut ?? {}).map(([name, value]) => [`${name} (held out)`, formatNumber(value)] as const),
        ];
  return (
    <Facts
      facts={[
        ...scored,
        ...(distance === null ? [] : [['Manifold distance (RMSE)', formatNumber(distance)] as const]),
        ...(notes ?? []).map((note) => ['Note', note] as const),
        ['Iteration', `${iteration} (${kind === 'rollouts' ? 'rollouts' : 'evaluation'})`],
        ['Generation', String(generation)],
        ['Seed', seedText(video)],
        ...more,
      ]}
    />
  );
}

/** On the scale of the reward, and beside it on the model's own, where that differs. */
function componentText(video: VideoEntry, name: string, value: number): string {
  const raw = rawOf(video, name);
  return raw === null ? formatNumber(value) : `${formatNumber(value)} (raw ${formatNumber(raw)})`;
}

function Unscored({ reason }: { reason: string | undefined }) {
  return (
    <span class="unscored">
      <Icon name="warning" />
      <span>Not scored{reason ? `: ${reason}` : ', and the log does not say why'}</span>
    </span>
  );
}
