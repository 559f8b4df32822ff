import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';
import type { Tone } from './marks.tsx';

/** Nothing is there yet, or nothing at all: what happens now, or what to do. */
export function Empty({ icon, title, children }: { icon: string; title: string; children?: ComponentChildren }) {
  return (
    <div class="ui-state">
      <Icon name={icon} />
      <p class="ui-state-title">{title}</p>
      {children ? <div class="ui-state-text">{children}</div> : null}
    </div>
  );
}

/** What went wrong and what to do about it. */
export function Failure(props: { title: string; remedy?: string; place?: string; children?: ComponentChildren }) {
  return (
    <div class="ui-state ui-state-failure" role="alert">
      <Icon name="error" />
      <p class="ui-state-title">{props.title}</p>
      {props.place ? <p class="ui-state-text ui-code">{props.place}</p> : null}
      {props.remedy ? <p class="ui-state-text">{props.remedy}</p> : null}
      {props.children ? <div class="ui-row">{props.children}</div> : null}
    </div>
  );
}

export function Loading({ text }: { text: string }) {
  return (
    <div class="ui-state" role="status">
      <Icon name="loading" spin />
      <p class="ui-state-text">{text}</p>
    </div>
  );
}

const bannerIcons: Record<Tone, string> = {
  neutral: 'info',
  good: 'check',
  warning: 'warning',
  bad: 'error',
  active: 'info',
};

/** A line above everything that says what to know about all below. */
export function Banner({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`ui-banner ui-tone-${tone}`} role="status">
      <Icon name={bannerIcons[tone]} />
      <div>{children}</div>
    </div>
  );
}
