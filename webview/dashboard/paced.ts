/** Milliseconds between two drawings at least, and at most while there is something to draw. */
const pace = { least: 100, most: 1000 };
/** The share of the page's time that drawings may take. */
const share = 0.03;

/** Calls back behind the task that is going on. */
function afterwards(then: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    then();
  };
  port2.postMessage(null);
}

/** Measures what began just now: the script until it is done with, and the frame that shows it. */
function measureDrawing(told: (milliseconds: number) => void): void {
  const began = performance.now();
  afterwards(() => {
    const script = performance.now() - began;
    requestAnimationFrame(() => {
      const frame = performance.now();
      afterwards(() => told(script + performance.now() - frame));
    });
  });
}

/**
 * Gathers what comes in and has it drawn at once: ten times a second, or more rarely where drawing takes long, so that it
 * never takes more than a small share of the time.
 * @param draw gets all that has come since the last time, in order
 * @param measure called right before `draw`; tells the milliseconds that it took, once that is known
 * @returns takes something to draw; what is urgent does not wait for what drawing takes
 */
export function paced<Item>(
  draw: (items: Item[]) => void,
  measure: typeof measureDrawing = measureDrawing,
): (item: Item, isUrgent: boolean) => void {
  let waiting: Item[] = [];
  let drawn = -Infinity;
  let took = 0;
  let due = Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    const items = waiting;
    waiting = [];
    due = Infinity;
    drawn = performance.now();
    measure((milliseconds) => (took = milliseconds));
    draw(items);
  }
  return (item, isUrgent) => {
    waiting.push(item);
    const rest = isUrgent ? pace.least : Math.min(pace.most, Math.max(pace.least, took / share));
    const at = drawn + rest;
    if (at >= due) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(flush, Math.max(0, at - performance.now()));
  };
}
