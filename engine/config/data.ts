/** A block of keys, as plain data. */
export type Block = Record<string, unknown>;

export function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy; its objects have no prototype, so that no key is special. */
export function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData);
  if (!isBlock(value)) return value;
  const object: Block = Object.create(null);
  for (const [name, child] of Object.entries(value)) object[name] = copyData(child);
  return object;
}

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(raw: unknown, path: readonly (string | number)[]): unknown {
  let value = raw;
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** A path in dotted form. A key that itself has a dot is quoted, which keeps paths unambiguous. */
export function joinPath(parts: readonly (string | number)[]): string {
  return parts.map((part) => (/^$|[."\n]/.test(String(part)) ? JSON.stringify(part) : String(part))).join('.');
}

/** The parts of a dotted path, as `joinPath` wrote it; none for the file as a whole. */
export function splitPath(path: string): string[] {
  const parts = path.match(/"(?:[^"\\]|\\.)*"(?=\.|$)|[^.]+/g) ?? [];
  return parts.map((part) => (/^".*"$/s.test(part) ? (JSON.parse(part) as string) : part));
}
