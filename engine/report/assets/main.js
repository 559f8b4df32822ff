import { drawChart } from './chart.js';
import { drawHeatMap } from './heatmap.js';
import { drawRollouts } from './rollouts.js';

const data = JSON.parse(document.getElementById('data').textContent);
const draw = (kind, items, drawing) => {
  for (const item of items) drawing(document.querySelector(`[data-${kind}="${item.id}"]`), item);
};
draw('chart', data.charts, drawChart);
draw('map', data.maps, drawHeatMap);
if (data.pairs) drawRollouts(document.getElementById('rollouts'), data.pairs);
