import type { EnginePolicy } from './policy.ts';

export interface Heartbeat {
  /** Something came from the engine. */
  heard(): void;
  stop(): void;
}

/**
 * Pings until it is stopped, or until the engine hangs. Time is counted in beats, not by the clock, so that a machine
 * that slept, or an editor that was busy, is not taken for an engine that hangs.
 * @param ping resolves when it is answered
 * @param onHang told once, with the seconds without an answer
 */
export function startHeartbeat(
  { every, quiet, unanswered }: EnginePolicy['heartbeat'],
  ping: () => Promise<void>,
  onHang: (seconds: number) => void,
): Heartbeat {
  /** Milliseconds since the open ping, and since anything came; null when no ping is open. */
  let open: { age: number; silence: number } | null = null;

  function beat(): void {
    if (open === null) {
      const asked = (open = { age: 0, silence: 0 });
      void ping().then(() => {
        if (open === asked) open = null;
      });
      return;
    }
    open.age += every;
    open.silence += every;
    if (open.silence < quiet && open.age < unanswered) return;
    clearInterval(timer);
    onHang(Math.round(open.age / 1000));
  }
  const timer = setInterval(beat, every);
  return {
    heard() {
      if (open) open.silence = 0;
    },
    stop: () => clearInterval(timer),
  };
}
