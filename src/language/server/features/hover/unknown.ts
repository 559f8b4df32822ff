import { keyAt } from '../../../../../engine/config/walk.ts';
import type { ConfigText } from '../../config-text.ts';
import { meantPath } from '../../trusted.ts';

/** What is known of a key that the schema lacks: what is wrong with it, and the path that was probably meant. */
export function unknownKey({ analysis }: ConfigText, path: string): { text: string; meant: string | null } | null {
  const found = analysis.diagnostics.find(
    (each) => each.path === path && /^config\/unknown-(key|component)$/.test(each.code),
  );
  if (found === undefined) return null;
  const dotted = path.startsWith('"') ? path.slice(1, -1) : '';
  const meant = meantPath(path, found.remedy) ?? (keyAt(dotted) === null ? null : dotted);
  return { text: `${found.message} ${found.remedy}`, meant };
}
