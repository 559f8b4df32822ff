import { describe, expect, it } from 'vitest';
import { createGate } from '../../../engine/training/gate.ts';

function setUp() {
  const heard: string[] = [];
  const gate = createGate({
    onPause: async (iteration) => void heard.push(`pause ${iteration}`),
    onContinue: async (iteration) => void heard.push(`continue ${iteration}`),
    onCheckpoint: async (iteration) => void heard.push(`checkpoint ${iteration}`),
  });
  return { gate, heard };
}

describe('control requests', () => {
  it('let training go on when there are none', async () => {
    const { gate, heard } = setUp();
    expect(await gate.beforeIteration(1)).toBe('go');
    expect(heard).toEqual([]);
  });

  it('rest between iterations until told to continue, and still save checkpoints', async () => {
    const { gate, heard } = setUp();
    gate.request('pause');
    const resting = gate.beforeIteration(4);
    await Promise.resolve();
    gate.request('checkpoint');
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual(['pause 4', 'checkpoint 4']);
    gate.request('continue');
    expect(await resting).toBe('go');
    expect(heard).toEqual(['pause 4', 'checkpoint 4', 'continue 4']);
  });

  it('stop a paused run', async () => {
    const { gate } = setUp();
    gate.request('pause');
    const resting = gate.beforeIteration(4);
    gate.request('stop');
    expect(await resting).toBe('stop');
  });

  it('give each checkpoint request once', () => {
    const { gate } = setUp();
    gate.request('checkpoint');
    expect(gate.takeCheckpointRequest()).toBe(true);
    expect(gate.takeCheckpointRequest()).toBe(false);
  });
});
