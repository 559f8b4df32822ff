import type { ComponentChildren, Ref } from 'preact';
import { Icon } from './icon.tsx';
import { Tooltip } from './tooltip.tsx';

interface Common {
  disabled?: boolean;
  /** It works on it: shown, announced, and not to be pressed again. */
  busy?: boolean;
  onClick: () => void;
  /** Of a button that is on or off. */
  pressed?: boolean;
}

export function Button(
  props: Common & {
    kind?: 'primary' | 'secondary' | 'plain';
    icon?: string;
    /** What it does in more words; also says why it is disabled. */
    hint?: string;
    children: ComponentChildren;
  },
) {
  const { kind = 'secondary', icon, hint, busy = false, disabled = false, pressed, onClick, children } = props;
  const button = (
    <button
      type="button"
      class={`ui-button ui-button-${kind}`}
      aria-disabled={disabled || busy}
      aria-busy={busy}
      aria-pressed={pressed}
      onClick={disabled || busy ? undefined : onClick}
    >
      {busy ? <Icon name="loading" spin /> : icon ? <Icon name={icon} /> : null}
      <span>{children}</span>
    </button>
  );
  return hint ? <Tooltip text={hint}>{button}</Tooltip> : button;
}

/** A button that is only an icon; its label is its name and its tooltip. */
export function IconButton(
  props: Common & {
    icon: string;
    label: string;
    ref?: Ref<HTMLButtonElement>;
    expanded?: boolean;
    popup?: 'menu';
    onKeyDown?: (event: KeyboardEvent) => void;
  },
) {
  const { icon, label, busy = false, disabled = false, pressed, onClick, ref, expanded, popup, onKeyDown } = props;
  return (
    <Tooltip text={label} names>
      <button
        type="button"
        ref={ref}
        class="ui-icon-button"
        aria-label={label}
        aria-disabled={disabled || busy}
        aria-busy={busy}
        aria-pressed={pressed}
        aria-expanded={expanded}
        aria-haspopup={popup}
        onKeyDown={onKeyDown}
        onClick={disabled || busy ? undefined : onClick}
      >
        <Icon name={busy ? 'loading' : icon} spin={busy} />
      </button>
    </Tooltip>
  );
}
