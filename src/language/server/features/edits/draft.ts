/** A stretch of text, by offsets, and what stands in its place. */
export interface Splice {
  from: number;
  to: number;
  text: string;
}

/** A text that is changed several times, and what was changed in it altogether. */
export interface Draft {
  readonly text: string;
  /** Makes changes that do not overlap; their offsets are those of the present text. */
  change(splices: readonly Splice[]): void;
  /** Every change, by offsets of the first text, in its order. */
  changes(): Splice[];
}

/** What stands from here to there in the first text, or text that was written anew. */
type Piece = { from: number; to: number } | string;

export function draft(first: string): Draft {
  let pieces: Piece[] = first === '' ? [] : [{ from: 0, to: first.length }];
  const shown = () => pieces.map((piece) => (typeof piece === 'string' ? piece : first.slice(piece.from, piece.to)));
  let text = first;
  return {
    get text() {
      return text;
    },
    change(splices) {
      // From the last to the first, so that offsets stay what they are. At one place the first comes first.
      for (const splice of splices.toSorted((a, b) => a.from - b.from || a.to - b.to).reverse())
        pieces = spliced(pieces, splice);
      text = shown().join('');
    },
    changes: () => gaps(pieces, first.length),
  };
}

const lengthOf = (piece: Piece) => (typeof piece === 'string' ? piece.length : piece.to - piece.from);

function cut(piece: Piece, from: number, to: number): Piece[] {
  if (from >= to) return [];
  return [typeof piece === 'string' ? piece.slice(from, to) : { from: piece.from + from, to: piece.from + to }];
}

function spliced(pieces: readonly Piece[], { from, to, text }: Splice): Piece[] {
  const before: Piece[] = [];
  const after: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const length = lengthOf(piece);
    before.push(...cut(piece, 0, Math.min(length, from - at)));
    after.push(...cut(piece, Math.max(0, to - at), length));
    at += length;
  }
  return [...before, ...(text === '' ? [] : [text]), ...after];
}

/** What lies between the pieces that are left of the first text. */
function gaps(pieces: readonly Piece[], length: number): Splice[] {
  const found: Splice[] = [];
  let at = 0;
  let text = '';
  const close = (to: number) => {
    if (to > at || text !== '') found.push({ from: at, to, text });
    text = '';
  };
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    close(piece.from);
    at = piece.to;
  }
  close(length);
  return found;
}
