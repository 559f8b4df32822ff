import type { VideoEntry } from '../../engine/protocol.ts';
import { Icon } from '../ui/index.ts';
import { formatNumber } from '../charts/numbers.ts';
import { signed } from './numbers.ts';

/** Sign by shape, number and colour, so that none of them has to be seen. */
export function Advantage({ value }: { value: number | null }) {
  if (value === null) return null;
  const kind = value > 0 ? 'above' : value < 0 ? 'below' : 'level';
  const icons = { above: 'triangle-up', below: 'triangle-down', level: 'dash' } as const;
  return (
    <span class={`advantage advantage-${kind}`}>
      <Icon name={icons[kind]} />
      <span class="ui-hidden">advantage </span>
      {signed(value)}
    </span>
  );
}

/** What a video was scored, in a few lines; or why it was not. */
export function Scores({ video }: { video: VideoEntry }) {
  const { reward, components, distance } = video;
  if (reward === null)
    return (
      <p class="unscored" title={video.reason}>
        <Icon name="warning" />
        <span>Not scored{video.reason ? `: ${video.reason}` : ', and the log does not say why'}</span>
      </p>
    );
  return (
    <div class="scores">
      <p class="scores-main">
        <span>
          <span class="ui-hidden">reward </span>
          <strong>{formatNumber(reward)}</strong>
        </span>
        <Advantage value={video.advantage} />
      </p>
      <p class="scores-parts">
        {Object.entries(components ?? {}).map(([name, value]) => (
          <span key={name} title={scaleText(video, name)}>
            <span>
              {name} <b>{formatNumber(value, 2)}</b>
            </span>
            {rawOf(video, name) !== null && <span>{` (raw ${formatNumber(rawOf(video, name))})`}</span>}
          </span>
        ))}
        {distance !== null && (
          <span title="Distance to the manifold of real videos (RMSE)">
            distance <b>{formatNumber(distance)}</b>
          </span>
        )}
      </p>
      <HeldOut video={video} />
      {video.notes?.map((note) => (
        <p class="scores-note" key={note} title={note}>
          <Icon name="info" />
          <span>{note}</span>
        </p>
      ))}
    </div>
  );
}

/** Metrics that are only watched. */
function HeldOut({ video: { heldOut } }: { video: VideoEntry }) {
  const metrics = Object.entries(heldOut ?? {});
  if (metrics.length === 0) return null;
  return (
    <p class="scores-parts" title="Held out: measured, but no part of the reward">
      {metrics.map(([name, value]) => (
        <span key={name}>
          <Icon name="eye" />
          <span class="ui-hidden">held out: </span>
          {name} <b>{formatNumber(value)}</b>
        </span>
      ))}
    </p>
  );
}

/** A component on the model's own scale; null where that is the scale of the reward. */
export function rawOf({ raw }: Pick<VideoEntry, 'raw'>, name: string): number | null {
  return raw !== undefined && Object.hasOwn(raw, name) ? raw[name] : null;
}

/** In which scale a component is. */
function scaleText(video: VideoEntry, name: string): string {
  const raw = rawOf(video, name);
  return raw === null
    ? `${name}, before its weight in the reward`
    : `${name} as the reward takes it, normalised and before its weight; raw is the model's own scale`;
}

/** The key of a video's noise: all that it takes, with the checkpoint, to make the video again. */
export function seedText({ seedKey }: Pick<VideoEntry, 'seedKey'>): string {
  const { seed, stream, iteration, prompt, generation } = seedKey;
  return `seed ${seed}, stream ${stream}, iteration ${iteration}, prompt ${prompt}, generation ${generation}`;
}
