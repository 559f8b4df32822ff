/** Files that webviews make: charts and series. The name is a proposal, and what is written is what the format says. */

export const saveFormats = {
  svg: 'SVG image',
  png: 'PNG image',
  csv: 'Comma-separated values',
} as const;
export type SaveFormat = keyof typeof saveFormats;

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const longestName = 100;
/** Names that Windows gives to devices. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * A file name for the save dialog: one part, of characters that every file system takes, not hidden, with the ending of the
 * format.
 */
export function saveName(proposed: string, format: SaveFormat): string {
  const ending = `.${format}`;
  const bare = proposed.toLowerCase().endsWith(ending) ? proposed.slice(0, -ending.length) : proposed;
  const plain = bare
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{N}\p{M} ._()+,=@-]+/gu, '-')
    .replaceAll(/\.{2,}/g, '.')
    .replaceAll(/-{2,}/g, '-');
  const cut = Array.from(plain).slice(0, longestName).join('');
  const name = cut.replaceAll(/^[\s.-]+|[\s.-]+$/g, '');
  if (name === '' || device.test(name.split('.')[0])) return `chart${ending}`;
  return name + ending;
}

/**
 * The bytes to write.
 * @param data text for svg and csv, base64 for png
 * @throws Error when a png is none
 */
export function saveBytes(format: SaveFormat, data: string): Uint8Array {
  if (format !== 'png') return new TextEncoder().encode(data);
  const bytes = Buffer.from(data, 'base64');
  if (!bytes.subarray(0, pngSignature.length).equals(pngSignature)) throw new Error('What was to be saved is no PNG.');
  return bytes;
}
