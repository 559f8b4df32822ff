import type { ComponentChildren } from 'preact';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartGroup } from './group.ts';
import { HeatPlot } from './heat-map.tsx';
import { heatTable, type HeatMap } from './model.ts';
import type { Range, ScaleKind } from './scale.ts';
import { heatMapSvg } from './svg.ts';

/** A heat map with everything around it. */
export function HeatFigure(props: {
  map: HeatMap;
  /** Values of the ends of the colours. */
  domain: Range;
  kind: ScaleKind;
  group: ChartGroup;
  note?: ComponentChildren;
  tools?: ComponentChildren;
  chosen?: number;
  onChoose?: (iteration: number) => void;
}) {
  const { map, domain, kind, group, note, tools, chosen, onChoose } = props;
  return (
    <ChartFrame
      id={map.id}
      title={map.title}
      note={note}
      group={group}
      tools={tools}
      table={() => heatTable(map)}
      svg={() => heatMapSvg(map, domain, kind, group.zoom.value)}
    >
      <p class="chart-axis-names" aria-hidden="true">
        <span>Step k</span>
        <span>{map.unit === '' ? map.value : `${map.value} (${map.unit})`}</span>
      </p>
      <HeatPlot map={map} domain={domain} kind={kind} group={group} chosen={chosen} onChoose={onChoose} />
    </ChartFrame>
  );
}
