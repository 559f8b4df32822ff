/**
 * Runs every suite that this machine can run, says what was left out and why, and ends with one plain line of totals.
 * Arguments are passed on to vitest as file filters.
 */
import type { TestCase, TestModule } from 'vitest/node';
import { startVitest } from 'vitest/node';

const leftOut: { name: string; reason: string }[] = [];
const totals = { passed: 0, failed: 0, skipped: 0 };
let broken = 0;

const totalsReporter = {
  onTestCaseResult(test: TestCase) {
    const result = test.result();
    if (result.state === 'pending') return;
    totals[result.state] += 1;
    if (result.state === 'skipped') leftOut.push({ name: test.fullName, reason: result.note ?? 'no reason given' });
  },
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]) {
    // A file that does not even load has no test case that could fail.
    broken = unhandled.length + modules.filter((module) => module.errors().length > 0).length;
  },
};

const vitest = await startVitest('test', process.argv.slice(2), {
  watch: false,
  reporters: ['default', totalsReporter],
});
await vitest.close();

if (leftOut.length > 0) {
  console.log('\nLeft out on this machine:');
  const byReason = Map.groupBy(leftOut, ({ reason }) => reason);
  for (const [reason, tests] of byReason) {
    console.log(`  ${reason}`);
    for (const { name } of tests) console.log(`    - ${name}`);
  }
}
console.log(`\n${totals.passed} passed, ${totals.failed + broken} failed, ${totals.skipped} skipped`);
process.exit(totals.failed + broken > 0 || totals.passed === 0 ? 1 : 0);
