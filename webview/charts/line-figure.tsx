import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { Button } from '../ui/index.ts';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartGroup } from './group.ts';
import { Legend, LinePlot } from './line-chart.tsx';
import { lineTable, type LineChart } from './model.ts';
import type { ScaleKind } from './scale.ts';
import { lineChartSvg } from './svg.ts';

/** What a reader has set of a line chart; kept by the view. */
export interface LineFigureState {
  /** Whether the values are on a log scale. */
  log: Signal<boolean>;
  /** Ids of the lines that are turned off, one a line. */
  hidden: Signal<string>;
}

/** A line chart with everything around it. */
export function LineFigure(props: {
  chart: LineChart;
  group: ChartGroup;
  state: LineFigureState;
  note?: ComponentChildren;
  height?: number;
}) {
  const { chart, group, state, note, height } = props;
  const kind: ScaleKind = state.log.value ? 'log' : 'linear';
  const off = state.hidden.value;
  const hidden = useMemo(() => new Set(off.split('\n').filter((id) => id !== '')), [off]);
  const toggle = (id: string) => {
    const next = new Set(hidden);
    if (!next.delete(id)) next.add(id);
    state.hidden.value = [...next].join('\n');
  };
  const visible = () => ({ ...chart, lines: chart.lines.filter(({ id }) => !hidden.has(id)) });
  return (
    <ChartFrame
      id={chart.id}
      title={chart.title}
      note={note}
      group={group}
      table={() => lineTable(chart)}
      svg={() => lineChartSvg(visible(), kind, group.zoom.value)}
      tools={
        <Button
          kind="plain"
          hint="Logarithmic scale"
          pressed={state.log.value}
          onClick={() => (state.log.value = !state.log.value)}
        >
          log
        </Button>
      }
    >
      <Legend chart={chart} hidden={hidden} group={group} onToggle={toggle} />
      <p class="chart-axis-names" aria-hidden="true">
        <span>{chart.axis}</span>
        <span>{chart.rightAxis ?? ''}</span>
      </p>
      <LinePlot chart={chart} kind={kind} hidden={hidden} group={group} height={height} />
      {chart.marks && chart.marks.at.length > 0 ? (
        <p class="chart-note">{`Dotted lines: ${chart.marks.label}.`}</p>
      ) : null}
    </ChartFrame>
  );
}
