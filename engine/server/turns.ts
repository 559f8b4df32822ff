/** Does work that keeps the process busy one piece after the other, and between two lets requests be heard. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  const breathe = () => new Promise((resolve) => setImmediate(resolve));
  return (work) => {
    const turn = last.then(work);
    last = turn.then(breathe, breathe);
    return turn;
  };
}
