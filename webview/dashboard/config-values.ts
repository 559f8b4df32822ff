/** Values of a config and where they stand. */

/** The value at a key such as `policy.model`; undefined where there is none. */
export function configValue(config: Record<string, unknown>, key: string): unknown {
  let value: unknown = config;
  for (const part of key.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** Keys and values of a config, in its order. Lists are values. */
export function configEntries(config: Record<string, unknown>, prefix = ''): { key: string; text: string }[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const deeper = typeof value === 'object' && value !== null && !Array.isArray(value);
    return deeper ? configEntries(value as Record<string, unknown>, key) : [{ key, text: valueText(value) }];
  });
}

export function valueText(value: unknown): string {
  if (value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
