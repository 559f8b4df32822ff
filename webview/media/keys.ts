import type { Playback } from './playback.ts';

const typing = 'input:not([type=range]):not([type=radio]):not([type=checkbox]), select, textarea, [contenteditable]';
const pressed = 'button, summary, [role=menuitem], input[type=checkbox], input[type=radio], a[href]';

/** Whether a key pressed here belongs to the element that has the focus. */
export function belongsToField(event: KeyboardEvent): boolean {
  const target = event.target as Element | null;
  if (event.ctrlKey || event.metaKey || event.altKey || !target) return true;
  if (target.matches(typing)) return true;
  return event.key === ' ' && target.matches(pressed);
}

/**
 * Space or K: play and pause; comma and full stop: a frame back and on. With `arrows`, left and right step too, but on sliders.
 * @returns whether the key was one of these
 */
export function handleMediaKey(event: KeyboardEvent, playback: Playback, arrows = false): boolean {
  if (belongsToField(event)) return false;
  const slides = (event.target as Element).matches('input');
  const steps: Record<string, number> =
    arrows && !slides ? { ',': -1, '.': 1, ArrowLeft: -1, ArrowRight: 1 } : { ',': -1, '.': 1 };
  if (event.key === ' ' || event.key === 'k') playback.toggle();
  else if (Object.hasOwn(steps, event.key)) playback.step(steps[event.key]);
  else return false;
  event.preventDefault();
  return true;
}
