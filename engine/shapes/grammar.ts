/** The colour words, in index order. */
export const colors = ['red', 'green', 'blue', 'yellow', 'magenta', 'cyan'] as const;
/** The shape words, in index order. */
export const shapes = ['circle', 'square', 'triangle'] as const;
/** The direction words, in index order. */
export const directions = ['left', 'right', 'up', 'down'] as const;

export type Color = (typeof colors)[number];
export type Shape = (typeof shapes)[number];
export type Direction = (typeof directions)[number];

/** What a prompt of the Shapes world says. */
export interface Words {
  color: Color;
  shape: Shape;
  direction: Direction;
}

/** Indices of the words [color, shape, direction]. */
export type WordIndices = [number, number, number];

/** Sizes of the three vocabularies; also the index that means "no word" (the unconditional branch of guidance). */
export const nullWords: WordIndices = [colors.length, shapes.length, directions.length];

/** Writes a prompt: `a red circle moving left`. */
export function formatPrompt(words: Words): string {
  return `a ${words.color} ${words.shape} moving ${words.direction}`;
}

/**
 * Reads a prompt back into its words. Upper case, repeated blanks, a missing or other article and a final full stop are
 * forgiven; anything else gives null.
 */
export function parsePrompt(text: string): Words | null {
  const tokens = text.trim().replace(/\.$/, '').toLowerCase().split(/\s+/);
  if (tokens[0] === 'a' || tokens[0] === 'an' || tokens[0] === 'the') tokens.shift();
  if (tokens.length !== 4 || tokens[2] !== 'moving') return null;
  const color = colors.find((word) => word === tokens[0]);
  const shape = shapes.find((word) => word === tokens[1]);
  const direction = directions.find((word) => word === tokens[3]);
  return color && shape && direction ? { color, shape, direction } : null;
}

/** [color, shape, direction] indices of the words. */
export function wordIndices(words: Words): WordIndices {
  return [colors.indexOf(words.color), shapes.indexOf(words.shape), directions.indexOf(words.direction)];
}

/** The words that three indices name. */
export function wordsAt([color, shape, direction]: WordIndices): Words {
  return { color: colors[color], shape: shapes[shape], direction: directions[direction] };
}

/** Every combination of words in a fixed order: color slowest, direction fastest (72 entries). */
export function allWords(): Words[] {
  return colors.flatMap((color) =>
    shapes.flatMap((shape) => directions.map((direction) => ({ color, shape, direction }))),
  );
}

/** Every prompt of the world, in the order of `allWords`. */
export function allPrompts(): string[] {
  return allWords().map(formatPrompt);
}
