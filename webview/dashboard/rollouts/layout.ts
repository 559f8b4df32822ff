/** Pixels between cards. */
export const gap = 8;

export interface Layout {
  /** Cards beside each other in a group. */
  columns: number;
  /** Width that a group wants at least (pixels). */
  group: number;
}

/**
 * How the cards of a group are laid out: all beside each other where there is room, else in rows of equal length.
 * @param width pixels for all
 * @param generations cards of a group
 * @param least pixels of the narrowest card
 */
export function layoutOf(width: number, generations: number, least: number): Layout {
  const cards = Math.max(1, generations);
  const fit = Math.min(cards, Math.max(1, Math.floor((width + gap) / (least + gap))));
  const columns = Math.ceil(cards / Math.ceil(cards / fit));
  return { columns, group: columns * least + (columns - 1) * gap };
}
