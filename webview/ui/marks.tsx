import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

export type Tone = 'neutral' | 'good' | 'warning' | 'bad' | 'active';

/** A short word with an icon; its tone is never said by colour alone. */
export function Badge({
  icon,
  tone = 'neutral',
  children,
}: {
  icon?: string;
  tone?: Tone;
  children: ComponentChildren;
}) {
  return (
    <span class={`ui-badge ui-tone-${tone}`}>
      {icon ? <Icon name={icon} spin={icon === 'sync' || icon === 'loading'} /> : null}
      <span>{children}</span>
    </span>
  );
}

/** How far something is. `text` is said instead of the percentage. */
export function Progress(props: { label: string; value: number; max: number; text: string }) {
  const { label, value, max, text } = props;
  return <progress class="ui-progress" aria-label={label} aria-valuetext={text} value={value} max={Math.max(max, 1)} />;
}

/** Words and values in two columns. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="ui-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
