import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paced } from '../../../webview/dashboard/paced.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Takes an item every 50 ms, over two seconds, where each drawing takes so long. @returns how often was drawn, and what */
async function drawings(milliseconds: number, isUrgent = false) {
  const drawn: number[][] = [];
  const take = paced<number>(
    (items) => drawn.push(items),
    (told) => told(milliseconds),
  );
  for (let item = 0; item < 40; item++) {
    take(item, isUrgent);
    await vi.advanceTimersByTimeAsync(50);
  }
  await vi.advanceTimersByTimeAsync(2000);
  return drawn;
}

const all = Array.from({ length: 40 }, (_, item) => item);

describe('what comes in', () => {
  it('is drawn ten times a second at most, all of it and in order', async () => {
    const drawn = await drawings(1);
    expect(drawn.length).toBeGreaterThanOrEqual(19);
    expect(drawn.length).toBeLessThanOrEqual(21);
    expect(drawn.flat()).toEqual(all);
  });

  it('is drawn more rarely where drawing takes long, so that it takes 3 % of the time', async () => {
    const drawn = await drawings(20);
    expect(drawn.length).toBeLessThanOrEqual(5);
    expect(drawn.flat()).toEqual(all);
  });

  it('is drawn once a second however long drawing takes', async () => {
    const drawn = await drawings(400);
    expect(drawn.length).toBeGreaterThanOrEqual(3);
    expect(drawn.flat()).toEqual(all);
  });

  it('does not wait for that where it is urgent', async () => {
    expect((await drawings(400, true)).length).toBeGreaterThanOrEqual(19);
  });

  it('takes what waits along when something urgent comes', async () => {
    const drawn: string[][] = [];
    const take = paced<string>(
      (items) => drawn.push(items),
      (told) => told(400),
    );
    take('first', false);
    await vi.advanceTimersByTimeAsync(0);
    take('change', false);
    await vi.advanceTimersByTimeAsync(100);
    expect(drawn).toEqual([['first']]);
    take('urgent', true);
    await vi.advanceTimersByTimeAsync(0);
    expect(drawn).toEqual([['first'], ['change', 'urgent']]);
  });
});
