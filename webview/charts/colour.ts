/** Colours of heat maps: viridis, whose lightness grows evenly, so that it reads in grey and with any colour vision. */
const anchors = [
  [68, 1, 84],
  [72, 26, 108],
  [71, 47, 125],
  [65, 68, 135],
  [57, 86, 140],
  [49, 104, 142],
  [42, 120, 142],
  [35, 136, 142],
  [31, 152, 139],
  [34, 168, 132],
  [53, 183, 121],
  [84, 197, 104],
  [122, 209, 81],
  [165, 219, 54],
  [210, 226, 27],
  [253, 231, 37],
] as const;

/** Red, green and blue, 0 to 255, of a position in [0, 1]. */
export function colourAt(position: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, position)) * (anchors.length - 1);
  const low = Math.min(anchors.length - 2, Math.floor(at));
  const [a, b] = [anchors[low], anchors[low + 1]];
  return [0, 1, 2].map((i) => Math.round(a[i] + (b[i] - a[i]) * (at - low))) as [number, number, number];
}

const levels = 256;
/** RGBA of each level. */
const table = Uint8ClampedArray.from(
  Array.from({ length: levels }, (_, i) => [...colourAt(i / (levels - 1)), 255]).flat(),
);

/** Writes the colour of a position in [0, 1] into pixels; a value that is not there is left transparent. */
export function writeColour(pixels: Uint8ClampedArray, offset: number, position: number | null): void {
  const level = position === null ? -1 : Math.round(Math.min(1, Math.max(0, position)) * (levels - 1));
  for (let i = 0; i < 4; i++) pixels[offset + i] = level < 0 ? 0 : table[4 * level + i];
}

export function hexColour([red, green, blue]: readonly [number, number, number]): string {
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
