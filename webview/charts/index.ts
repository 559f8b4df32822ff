/** Charts for all webviews. Give each a `LineChart` or `HeatMap` and a `ChartGroup`. */
import './charts.css';

export { colourDomain } from './colour-domain.ts';
export { chartGroup, panBy, shownRange, zoomBy, type ChartGroup } from './group.ts';
export { HeatFigure } from './heat-figure.tsx';
export { LineFigure, type LineFigureState } from './line-figure.tsx';
export type { Columns, HeatMap, Line, LineChart, Values } from './model.ts';
export * from './numbers.ts';
export { boundsOf, type Range } from './scale.ts';
export { SmoothingSlider } from './smoothing-slider.tsx';
export { smooth } from './smoothing.ts';
