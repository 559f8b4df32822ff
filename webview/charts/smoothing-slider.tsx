import type { Signal } from '@preact/signals';
import { Slider } from '../ui/index.ts';

/** How much of the past a moving average keeps; see `smooth`. */
export function SmoothingSlider({ smoothing }: { smoothing: Signal<number> }) {
  return (
    <Slider
      label="Smoothing"
      value={smoothing.value}
      min={0}
      max={0.98}
      step={0.02}
      text={smoothing.value === 0 ? 'off' : smoothing.value.toFixed(2)}
      onChange={(value) => (smoothing.value = value)}
    />
  );
}
