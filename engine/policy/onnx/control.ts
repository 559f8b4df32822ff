/**
 * Words of shared memory by which the calling thread and the lanes beside it find each other. Lanes sleep on their
 * `asked` word; a lane has nothing to do while its `done` equals it.
 */
export type Control = Int32Array;

const [nextWord, stoppedWord, asleepWord, words] = [0, 1, 2, 3];
const askedWord = (lane: number) => words + 2 * lane;
const doneWord = (lane: number) => words + 2 * lane + 1;

/**
 * Milliseconds that a thread looks for news before it sleeps. Tasks follow each other in less, and to be woken takes
 * about as long; more would take time from whatever else runs.
 */
const spin = 2;

/** For `lanes` lanes that have been asked to load. */
export function createControl(lanes: number): Control {
  const control = new Int32Array(new SharedArrayBuffer((words + 2 * lanes) * Int32Array.BYTES_PER_ELEMENT));
  for (let lane = 0; lane < lanes; lane++) control[askedWord(lane)] = 1;
  return control;
}

/** To be called while no lane works. */
export function resetParts(control: Control): void {
  Atomics.store(control, nextWord, 0);
}

/** The next part of the task; null when none is left, or when lanes were stopped. */
export function takePart(control: Control, parts: number): number | null {
  if (Atomics.load(control, stoppedWord)) return null;
  const part = Atomics.add(control, nextWord, 1);
  return part < parts ? part : null;
}

export function wake(control: Control, lane: number): void {
  Atomics.add(control, askedWord(lane), 1);
  Atomics.notify(control, askedWord(lane));
}

export function isWorking(control: Control, lane: number): boolean {
  return Atomics.load(control, doneWord(lane)) !== Atomics.load(control, askedWord(lane));
}

/** No lane takes another part. */
export function stop(control: Control): void {
  Atomics.store(control, stoppedWord, 1);
}

export function isStopped(control: Control): boolean {
  return Atomics.load(control, stoppedWord) === 1;
}

/** Looks for a moment whether the condition ends. @returns whether it did */
export function spinWhile(condition: () => boolean): boolean {
  const end = performance.now() + spin;
  while (condition()) if (performance.now() > end) return false;
  return true;
}

/** Blocks a lane until it is asked for something. */
export function awaitAsked(control: Control, lane: number): void {
  const done = Atomics.load(control, doneWord(lane));
  const idle = () => Atomics.load(control, askedWord(lane)) === done;
  if (!spinWhile(idle)) while (idle()) Atomics.wait(control, askedWord(lane), done);
}

/** Says that the lane has done what it was asked. @returns whether the calling thread sleeps and needs a message */
export function sayDone(control: Control, lane: number): boolean {
  Atomics.store(control, doneWord(lane), Atomics.load(control, askedWord(lane)));
  Atomics.notify(control, doneWord(lane));
  return Atomics.load(control, asleepWord) === 1;
}

/** Whether lanes shall send a message when they are done. Set it before looking whether they are. */
export function setAsleep(control: Control, asleep: boolean): void {
  Atomics.store(control, asleepWord, Number(asleep));
}

/** Blocks the calling thread until the lane is done, at most until the given `performance.now()`. */
export function awaitDone(control: Control, lane: number, until: number): void {
  for (let left = 1; isWorking(control, lane) && left > 0;) {
    left = until - performance.now();
    const done = Atomics.load(control, doneWord(lane));
    if (left > 0 && isWorking(control, lane)) Atomics.wait(control, doneWord(lane), done, left);
  }
}
