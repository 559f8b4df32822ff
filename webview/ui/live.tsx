import { signal } from '@preact/signals';

const said = signal('');
let pending: ReturnType<typeof setTimeout> | undefined;

/** Has a screen reader say a text when it is done with what it says. The last of quick successions wins. */
export function announce(text: string): void {
  clearTimeout(pending);
  pending = setTimeout(() => {
    said.value = text;
  }, 150);
}

/** Where announced texts stand. Once in a page. */
export function LiveRegion() {
  return (
    <div class="ui-hidden" aria-live="polite" data-live>
      {said.value}
    </div>
  );
}
