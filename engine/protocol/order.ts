/** The order of runs in every list. Apart from the schemas, so that who only sorts need not load them. */
export { newestFirst } from '../run/order.ts';
