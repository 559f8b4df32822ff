/** Appends events in a loop until it is killed. */
import { openEventLog } from '../../../../engine/run/event-log.ts';

const log = await openEventLog(process.argv[2]);
console.log('started');
for (let i = 0; ; i++) {
  log.append({ kind: 'warning', iteration: i, code: 'test/loop', message: 'm'.repeat(i % 20_000), remedy: 'none' });
  if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
