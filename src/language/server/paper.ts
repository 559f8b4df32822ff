import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../engine/package-root.ts';

/** The section of docs/method.md that a block or key belongs to; the longest path that fits counts. */
export const sections: Readonly<Record<string, string>> = {
  'sampling.steps': 'Schedule',
  'sampling.shift': 'Schedule',
  'sampling.guidance': 'One iteration',
  'sampling.train_guidance': 'One iteration',
  exploration: 'Exploration kernels',
  rollout: 'Notation',
  reward: 'Rewards and advantages',
  training: 'Optimizer',
  'training.micro_batch': 'One iteration',
  'training.accumulation': 'One iteration',
  'training.steps_per_sample': 'One iteration',
  'training.clip_range': 'Loss of one sample at one step',
  equalizer: 'Gradient-norm equalizer',
  trust_region: 'Dual trust region',
  'trust_region.beta': 'β',
  evaluation: 'Evaluation',
};

/** A section of the method's page. */
export interface Section {
  title: string;
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

/** The section that explains a key. */
export function sectionOf(key: string): Section | null {
  const parts = key.split('.');
  for (let length = parts.length; length > 0; length--) {
    const title = sections[parts.slice(0, length).join('.')];
    if (title === undefined) continue;
    const uri = pageUri();
    return { title, uri: uri === null ? null : `${uri}#${anchorOf(title)}` };
  }
  return null;
}

/** The anchor of a heading, as renderers of Markdown make it. */
export function anchorOf(title: string): string {
  return encodeURIComponent(
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
