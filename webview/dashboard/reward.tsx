import { LineFigure } from '../charts/index.ts';
import { Select } from '../ui/index.ts';
import {
  componentsChart,
  distanceChart,
  heldOutCharts,
  lostChart,
  rewardChart,
  wasMeasured,
  type BandChoice,
} from './lines-of.ts';
import type { RunCharts } from './run-charts.ts';
import type { Store } from './store.ts';
import { ZoomBar } from './zoom-bar.tsx';

const bands: { value: BandChoice; label: string }[] = [
  { value: 'range', label: 'Least to greatest' },
  { value: 'std', label: '± standard deviation' },
  { value: 'none', label: 'None' },
];

/** Is the reward rising, and is it the reward one wants? */
export function RewardTab({ store, charts }: { store: Store; charts: RunCharts }) {
  const { group, lineState } = charts;
  const { evaluations } = store.view.value!;
  const drawing = { series: charts.series.value, smoothing: store.choice('smoothing', 0).value };
  const band = store.choice<string>('reward.band', 'std');
  const chosen = bands.find(({ value }) => value === band.value)?.value ?? 'std';
  const distance = distanceChart(drawing, evaluations);
  return (
    <>
      <ZoomBar store={store} charts={charts}>
        <Select label="Band" value={chosen} options={bands} onChange={(value) => (band.value = value)} />
      </ZoomBar>
      <LineFigure
        chart={rewardChart(drawing, evaluations, chosen)}
        group={group}
        state={lineState('reward')}
        height={280}
      />
      <div class="chart-grid">
        <LineFigure chart={componentsChart(drawing)} group={group} state={lineState('components')} />
        {heldOutCharts(drawing, evaluations).map((chart) => (
          <LineFigure
            key={chart.id}
            chart={chart}
            group={group}
            state={lineState(chart.id)}
            note="Only watched, no part of the reward. If it falls while the reward rises, the reward is being hacked."
          />
        ))}
        {distance.lines.some(({ values }) => wasMeasured(values)) ? (
          <LineFigure
            chart={distance}
            group={group}
            state={lineState('distance')}
            note="How far videos are from the nearest that the world can make. Reward that rises with it is being hacked."
          />
        ) : null}
        <LineFigure
          chart={lostChart(drawing)}
          group={group}
          state={lineState('lost')}
          note="A group whose rewards are all equal has no advantage, so it teaches nothing."
        />
      </div>
    </>
  );
}
