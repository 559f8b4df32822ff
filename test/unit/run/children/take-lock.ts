/** Says when it is ready, takes the lock at the time it is then told, and says whether it got it; holds it until its input ends. */
import { once } from 'node:events';
import { takeLock } from '../../../../engine/run/lock.ts';

console.log('ready');
const [at] = await once(process.stdin, 'data');
while (Date.now() < Number(at));
try {
  const lock = await takeLock(process.argv[2]);
  console.log(`won ${process.pid}`);
  await once(process.stdin, 'end');
  await lock.release();
} catch (error) {
  console.log(`lost ${(error as Error).message}`);
}
