/** A trainer that only answers control requests, until it is killed. */
import { openControl } from '../../../../engine/run/control.ts';

await openControl(process.argv[2], async (request) => ({ request }));
console.log('open');
setInterval(() => undefined, 1000);
