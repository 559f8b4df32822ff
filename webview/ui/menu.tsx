import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { IconButton } from './button.tsx';
import { Icon } from './icon.tsx';

export interface MenuItem {
  id: string;
  label: string;
  icon?: string;
  disabled?: boolean;
  /** Why it is disabled. */
  hint?: string;
  onSelect: () => void;
}

/** A button that opens a list of things to do. Arrow keys, Home, End and Escape within. */
export function Menu({ label, icon, items }: { label: string; icon: string; items: readonly MenuItem[] }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = (focus: boolean) => {
    setOpen(false);
    if (focus) button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    entries(list.current)[0]?.focus();
    const away = (event: PointerEvent) => {
      const target = event.target as Node;
      if (!list.current?.contains(target) && !button.current?.contains(target)) setOpen(false);
    };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  const move = (event: KeyboardEvent) => {
    const all = entries(list.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
    if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') setOpen(false);
    else if (Object.hasOwn(moves, event.key)) all[(moves[event.key] + all.length) % all.length]?.focus();
    else return;
    if (event.key !== 'Tab') event.preventDefault();
  };
  return (
    <span class="ui-menu-anchor">
      <IconButton
        ref={button}
        icon={icon}
        label={label}
        popup="menu"
        expanded={open}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' && !open) {
            event.preventDefault();
            setOpen(true);
          }
        }}
      />
      {open ? (
        <div class="ui-menu" role="menu" id={id} aria-label={label} ref={list} onKeyDown={move}>
          {items.map((item) => (
            <button
              key={item.id}
              type="button"
              role="menuitem"
              tabIndex={-1}
              aria-disabled={item.disabled === true}
              onClick={() => {
                if (item.disabled) return;
                close(true);
                item.onSelect();
              }}
            >
              <Icon name={item.icon ?? 'blank'} />
              <span>
                {item.label}
                {item.disabled && item.hint ? <small>{item.hint}</small> : null}
              </span>
            </button>
          ))}
        </div>
      ) : null}
    </span>
  );
}

function entries(list: HTMLElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
}
