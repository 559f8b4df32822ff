import path from 'node:path';
import { packageRoot } from '../package-root.ts';

/** Folder of the committed graphs and pre-trained weights. */
export function weightsFolder(): string {
  return path.join(packageRoot(), 'engine', 'shapes', 'weights');
}
