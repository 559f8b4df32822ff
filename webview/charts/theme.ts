import { signal, type ReadonlySignal } from '@preact/signals';

/** What canvases need of the theme, as they cannot read variables. */
export interface ChartColours {
  /** Of lines, from 1 on. */
  line(colour: number): string;
  text: string;
  grid: string;
  background: string;
}

const version = signal(0);
/** Changes when the theme does; whoever draws reads it. */
export const themeVersion: ReadonlySignal<number> = version;

const changed = () => {
  version.value += 1;
};
const observer = new MutationObserver(changed);
observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
matchMedia('(forced-colors: active)').addEventListener('change', changed);

/** Colours as they are now, from the variables of charts.css. */
export function chartColours(): ChartColours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    line: (colour) => read(`--chart-${((colour - 1) % 6) + 1}`),
    text: read('--chart-text'),
    grid: read('--chart-grid'),
    background: read('--chart-background'),
  };
}
