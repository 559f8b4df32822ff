import { useEffect, useRef } from 'preact/hooks';
import { writeColour } from './colour.ts';
import { gutter } from './plot-options.ts';
import { positionOf, tickLabels, ticksOf, type Range, type ScaleKind } from './scale.ts';

/** What the colours of a heat map stand for. */
export function ColourScale({ domain, kind, height }: { domain: Range; kind: ScaleKind; height: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new ImageData(1, 256);
    for (let i = 0; i < 256; i++) writeColour(image.data, 4 * i, 1 - i / 255);
    canvas.current!.getContext('2d')!.putImageData(image, 0, 0);
  }, []);
  const ticks = ticksOf(kind, domain, Math.max(2, Math.floor(height / 40)));
  const labels = tickLabels(ticks);
  return (
    <div class="heat-scale" aria-hidden="true" style={{ width: `${gutter.right}px`, height: `${height}px` }}>
      <canvas ref={canvas} width={1} height={256} />
      {ticks.map((tick, i) => (
        <span key={tick} style={{ top: `clamp(0.5em, ${100 * (1 - positionOf(tick, domain, kind)!)}%, 100% - 0.5em)` }}>
          {labels[i]}
        </span>
      ))}
    </div>
  );
}
