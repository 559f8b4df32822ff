import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

/**
 * A text that appears when its child is pointed at or focused, and goes by Escape.
 * @param names the text is already the child's label, so that it is not read twice
 */
export function Tooltip({
  text,
  names = false,
  children,
}: {
  text: string;
  names?: boolean;
  children: ComponentChildren;
}) {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const box = useRef<HTMLSpanElement>(null);
  const [shown, show] = useState(false);
  useEffect(() => {
    if (!names) anchor.current?.firstElementChild?.setAttribute('aria-describedby', id);
  }, [id, names]);
  useEffect(() => {
    if (shown) place(anchor.current!, box.current!);
  }, [shown, text]);
  return (
    <span
      class="ui-tooltip-anchor"
      ref={anchor}
      onPointerEnter={() => show(true)}
      onPointerLeave={() => show(false)}
      onFocusIn={(event) => show((event.target as HTMLElement).matches(':focus-visible'))}
      onFocusOut={() => show(false)}
      onPointerDown={() => show(false)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') show(false);
      }}
    >
      {children}
      <span ref={box} id={id} role="tooltip" class="ui-tooltip" hidden={!shown}>
        {text}
      </span>
    </span>
  );
}

/** Below its anchor, or above where there is no room, and within the window. */
function place(anchor: HTMLElement, box: HTMLElement): void {
  const around = anchor.getBoundingClientRect();
  const own = box.getBoundingClientRect();
  const room = 6;
  const left = Math.min(around.left, window.innerWidth - own.width - room);
  const below = around.bottom + room;
  const top = below + own.height > window.innerHeight ? around.top - own.height - room : below;
  box.style.left = `${Math.max(room, left)}px`;
  box.style.top = `${Math.max(room, top)}px`;
}
