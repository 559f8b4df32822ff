/**
 * Runs inside the extension host: loads the suites that lie beside this file when it is bundled (dist/test/suites), and
 * writes a line for each test into the file that the outside reads.
 */
import { appendFileSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import Mocha from 'mocha';
import { type Line, resultsVariable, suitesVariable } from '../workbench/records.ts';

/** Suites that need a workbench of a special kind. */
const onRequest = ['installed', 'activation-times', 'trust'];

/** Called by VS Code (`extensionTestsPath`). @throws where a test fails, which is how VS Code learns of it */
export async function run(): Promise<void> {
  const results = process.env[resultsVariable];
  if (!results) throw new Error(`${resultsVariable} is not set`);
  mkdirSync(path.dirname(results), { recursive: true });
  const write = (line: Line) => appendFileSync(results, `${JSON.stringify(line)}\n`);

  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, color: false, reporter: class {} as never });
  const folder = path.join(import.meta.dirname, 'suites');
  const all = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const wanted = process.env[suitesVariable]?.split(',');
  const files = all.filter((file) => {
    const { name } = path.parse(file);
    return wanted ? wanted.includes(name) : !onRequest.includes(name);
  });
  for (const file of files) {
    mocha.suite.emit(Mocha.Suite.constants.EVENT_FILE_PRE_REQUIRE, globalThis as never, file, mocha);
    await import(pathToFileURL(path.join(folder, file)).href);
  }
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    const record = (test: Mocha.Runnable, state: 'passed' | 'failed' | 'skipped', error?: Error) =>
      write({
        kind: 'test',
        title: test.titlePath(),
        state,
        error: error && (error.stack ?? String(error)),
      });
    runner.on('pass', (test) => record(test, 'passed'));
    runner.on('pending', (test) => record(test, 'skipped'));
    // Of a hook too, which is then the record.
    runner.on('fail', (test, error) => record(test, 'failed', error));
  });
  write({ kind: 'end' });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
