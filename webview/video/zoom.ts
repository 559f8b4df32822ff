/** How large a video is shown: fitted, or each of its pixels as so many of the screen. */
export type Zoom = 'fit' | `${number}`;

export const zooms: readonly { value: Zoom; label: string }[] = [
  { value: 'fit', label: 'fit' },
  ...[0.5, 1, 2, 3, 4, 6, 8].map((factor) => ({ value: `${factor}` as Zoom, label: `${factor * 100} %` })),
];

/**
 * Width of the video in CSS pixels, so that each of its pixels covers a whole number of the screen's; null: as it fits.
 * @param pixelRatio pixels of the screen in one of CSS
 */
export function widthAt(zoom: Zoom, videoWidth: number, pixelRatio: number): number | null {
  return zoom === 'fit' ? null : (Number(zoom) * videoWidth) / pixelRatio;
}
