import { boundsOf, colourDomain, HeatFigure, LineFigure } from '../charts/index.ts';
import { Empty } from '../ui/index.ts';
import { gaps, useStepGroup } from './gradients.tsx';
import { distanceChart, driftChart, energyChart, heatMapOf, klChart, wasMeasured } from './lines-of.ts';
import type { RunCharts } from './run-charts.ts';
import type { Store } from './store.ts';
import { ZoomBar } from './zoom-bar.tsx';

/** How far the policy has gone from where it came from, and what holds it. */
export function DriftTab({ store, charts }: { store: Store; charts: RunCharts }) {
  const { group, lineState } = charts;
  const series = charts.series.value;
  const { evaluations, anchors } = store.view.value!;
  const drawing = { series, smoothing: store.choice('smoothing', 0).value };
  const maps = (['driftReference', 'driftAnchor'] as const).map((name) => heatMapOf(series, name));
  const known = maps.filter(({ cells }) => cells.some(wasMeasured));
  const domain = colourDomain(...boundsOf(known.flatMap(({ cells }) => cells).flat(), 'log'), 'log');
  const energy = energyChart(series);
  const steps = useStepGroup(charts, energy.columns.first);
  const distance = distanceChart(drawing, evaluations);
  return (
    <>
      <ZoomBar store={store} charts={charts} />
      {known.length === 0 ? (
        <Empty icon="compass" title="Drift was not measured">
          The policy of this run does not report how far its velocities are from those of the pre-trained model.
        </Empty>
      ) : null}
      <div class="chart-grid">
        {known.map((map) => (
          <HeatFigure key={map.id} map={map} domain={domain} kind="log" group={group} note={gaps} />
        ))}
        <LineFigure
          chart={driftChart(drawing, anchors)}
          group={group}
          state={lineState('drift')}
          note="‖v − v_ref‖² / ‖v_ref‖², mean over the explored steps, at the latents of the rollouts."
        />
        <LineFigure chart={klChart(drawing)} group={group} state={lineState('kl', true)} />
        <LineFigure
          chart={energy}
          group={steps}
          state={lineState('energy')}
          note="Above 1 the kernel injects more noise than the process carries at that step, which pushes samples off the manifold."
        />
        {distance.lines.some(({ values }) => wasMeasured(values)) ? (
          <LineFigure
            chart={{ ...distance, id: 'true-distance', title: 'True distance to the manifold' }}
            group={group}
            state={lineState('true-distance')}
            note="Computed, not estimated: every video of this world belongs to a known family."
          />
        ) : null}
      </div>
    </>
  );
}
