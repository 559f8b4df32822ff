import type { Signal } from '@preact/signals';
import { Checkbox, IconButton, Segmented, Select, Slider } from '../../ui/index.ts';
import type { CardSize } from './gallery.tsx';
import { nearest, type Order } from './groups.ts';

/** A slider over the iterations that have videos, with buttons for the one before and after. */
export function IterationSlider(props: {
  label: string;
  iterations: readonly number[];
  value: number;
  onChange: (iteration: number) => void;
}) {
  const { label, iterations, value, onChange } = props;
  const at = iterations.indexOf(nearest(iterations, value));
  const go = (to: number) => onChange(iterations[Math.min(Math.max(0, to), iterations.length - 1)]);
  return (
    <span class="iteration-slider">
      <IconButton icon="arrow-left" label={`${label}: earlier`} disabled={at === 0} onClick={() => go(at - 1)} />
      <Slider
        label={label}
        value={at}
        min={0}
        max={Math.max(0, iterations.length - 1)}
        text={`${iterations[at]} (${at + 1} of ${iterations.length})`}
        disabled={iterations.length < 2}
        onChange={go}
        wide
      />
      <IconButton
        icon="arrow-right"
        label={`${label}: later`}
        disabled={at === iterations.length - 1}
        onClick={() => go(at + 1)}
      />
    </span>
  );
}

export interface ToolbarProps {
  kind: Signal<string>;
  order: Signal<string>;
  size: Signal<string>;
  follow: Signal<boolean>;
  beside: Signal<number | null>;
  /** By kind: how many iterations have videos. */
  counts: { rollouts: number; evaluation: number };
  iterations: readonly number[];
  iteration: number | null;
  live: boolean;
  onIteration: (iteration: number) => void;
}

/** What is shown and how. */
export function Toolbar(props: ToolbarProps) {
  const { kind, order, size, follow, beside, counts, iterations, iteration, live, onIteration } = props;
  return (
    <div class="rollouts-toolbar">
      <Segmented
        label="Videos of"
        value={kind.value as 'rollouts' | 'evaluation'}
        options={[
          { value: 'rollouts', label: `Rollouts (${counts.rollouts})` },
          { value: 'evaluation', label: `Evaluation (${counts.evaluation})` },
        ]}
        onChange={(value) => (kind.value = value)}
      />
      {iteration !== null && (
        <IterationSlider label="Iteration" iterations={iterations} value={iteration} onChange={onIteration} />
      )}
      {live && (
        <Checkbox label="Follow newest" checked={follow.value} onChange={(checked) => (follow.value = checked)} />
      )}
      <Select
        label="Order"
        value={order.value as Order}
        options={[
          { value: 'generation', label: 'by number' },
          { value: 'reward', label: 'by reward' },
        ]}
        onChange={(value) => (order.value = value)}
      />
      <Select
        label="Size"
        value={size.value as CardSize}
        options={[
          { value: 'small', label: 'small' },
          { value: 'medium', label: 'medium' },
          { value: 'large', label: 'large' },
        ]}
        onChange={(value) => (size.value = value)}
      />
      {iterations.length > 1 && iteration !== null && (
        <Checkbox
          label="Side by side"
          checked={beside.value !== null}
          onChange={(checked) => (beside.value = checked ? (iterations.find((at) => at !== iteration) ?? null) : null)}
        />
      )}
      {beside.value !== null && iterations.length > 1 && (
        <IterationSlider
          label="Beside"
          iterations={iterations}
          value={beside.value}
          onChange={(value) => (beside.value = value)}
        />
      )}
    </div>
  );
}
