import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { sectionAnchor, type MethodSection } from '../../../engine/config/key.ts';
import { keyAt } from '../../../engine/config/walk.ts';
import { packageRoot } from '../../../engine/package-root.ts';

/** A section of the method's page. */
export interface Section {
  title: MethodSection;
  /** Where it can be opened; null where the page is not part of this installation. */
  uri: string | null;
}

let page: string | null | undefined;

/** Where docs/method.md stands. */
function pageUri(): string | null {
  if (page === undefined) {
    const file = path.join(packageRoot(), 'docs', 'method.md');
    page = existsSync(file) ? pathToFileURL(file).href : null;
  }
  return page;
}

/** The section that explains a key: its own, or that of the nearest block around it that has one. */
export function sectionOf(path: string): Section | null {
  const parts = path.split('.');
  for (let length = parts.length; length > 0; length--) {
    const title = keyAt(parts.slice(0, length).join('.'))?.meta.section;
    if (title === undefined) continue;
    const uri = pageUri();
    return { title, uri: uri === null ? null : `${uri}#${encodeURIComponent(sectionAnchor(title))}` };
  }
  return null;
}
