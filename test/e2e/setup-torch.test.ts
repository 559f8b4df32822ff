import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeEnvironment } from '../../engine/python/environment.ts';
import { pipFault, venvFault } from '../../engine/python/faults.ts';
import { venvPython } from '../../engine/python.ts';
import { needs, needsMount } from '../support/needs.ts';
import { launch, mountDisk, sage, temporaryFolder } from './support.ts';

const probe = spawnSync('python3', ['-c', 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))']);
needs(probe.status === 0, 'needs python3 (3.11 or later) with venv on the path');

/** Two wheels, as pip takes them: real packages, but small. */
const makeWheels = `
import sys, zipfile
for name, text in (("sage_tiny", "answer = 42"), ("sage_other", "answer = 7")):
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", text)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
`;

/** What pip is told in place of this machine's settings: wheels of a folder, or an index that nobody serves. */
function pipKnows(settings: Record<string, string>): Record<string, string> {
  return { PIP_CONFIG_FILE: '/dev/null', PIP_EXTRA_INDEX_URL: '', PIP_FIND_LINKS: '', PIP_RETRIES: '1', ...settings };
}

function wheels(): Record<string, string> {
  const folder = temporaryFolder();
  execFileSync('python3', ['-c', makeWheels, folder]);
  return pipKnows({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
}

function use(environment: Record<string, string>): void {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}

const wish = (folder: string, said: string[] = []) => ({
  folder,
  requirements: ['sage_tiny==1.0', 'sage_other==1.0'],
  python: null,
  cpu: true,
  room: 0,
  say: (line: string) => void said.push(line),
});

const answers = (python: string) =>
  execFileSync(python, ['-c', 'import sage_tiny, sage_other; print(sage_tiny.answer + sage_other.answer)'], {
    encoding: 'utf8',
  }).trim();

afterEach(() => vi.unstubAllEnvs());

describe('the environment of the torch policy', () => {
  test('is made, is completed by a second call, and keeps what its owner added', async () => {
    use(wheels());
    const folder = path.join(temporaryFolder(), 'new', 'venv');
    const python = await makeEnvironment(wish(folder));
    expect(answers(python)).toBe('49');
    expect(readdirSync(path.dirname(folder))).toEqual(['venv']);

    const packages = path.dirname(
      execFileSync(python, ['-c', 'import sage_tiny; print(sage_tiny.__file__)'], { encoding: 'utf8' }),
    );
    writeFileSync(path.join(packages, 'mine.py'), 'answer = 1');
    // As pip leaves it when it is killed: some files, no RECORD.
    rmSync(path.join(packages, 'sage_tiny.py'));
    rmSync(path.join(packages, 'sage_tiny-1.0.dist-info', 'RECORD'));
    const said: string[] = [];
    expect(await makeEnvironment(wish(folder, said))).toBe(python);
    expect(said[0]).toMatch(/is there, with Python 3/);
    expect(answers(python)).toBe('49');
    expect(execFileSync(python, ['-c', 'import mine; print(mine.answer)'], { encoding: 'utf8' }).trim()).toBe('1');
  });

  test('is made anew where its making was killed', async () => {
    const environment = wheels();
    const folder = path.join(temporaryFolder(), 'venv');
    const source = path.resolve(import.meta.dirname, '../../engine/python/environment.ts');
    const program = `
      import { makeEnvironment } from ${JSON.stringify(source)};
      const requirements = ['sage_tiny==1.0', 'sage_other==1.0'];
      const say = (line) => console.log(line);
      await makeEnvironment({ folder: process.argv[1], requirements, python: null, cpu: true, room: 0, say });`;
    const child = launch(process.execPath, ['--input-type=module', '-e', program, folder], {
      env: { ...process.env, ...environment },
      group: true,
    });
    await child.prints(/making/);
    while (!existsSync(path.join(folder, 'pyvenv.cfg'))) await new Promise((resolve) => setTimeout(resolve, 5));
    process.kill(-child.pid, 'SIGKILL');
    await child.ended;
    expect(existsSync(`${folder}.making`)).toBe(true);

    use(environment);
    expect(answers(await makeEnvironment(wish(folder)))).toBe('49');
    expect(existsSync(`${folder}.making`)).toBe(false);
  });

  test('is not made by two at a time', async () => {
    const folder = path.join(temporaryFolder(), 'venv');
    const first = launch('sleep', ['60']);
    writeFileSync(`${folder}.making`, String(first.pid));
    await expect(makeEnvironment(wish(folder))).rejects.toMatchObject({ code: 'python/busy' });
    first.child.kill();
    await first.ended;
    // It is free now, and the next thing is looked at.
    await expect(makeEnvironment({ ...wish(folder), room: 2 ** 60 })).rejects.toMatchObject({ code: 'disk/full' });
  });

  test('is not made where other files are', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'thesis.tex'), 'years of work');
    const refused = { code: 'python/not-an-environment' };
    await expect(makeEnvironment(wish(folder))).rejects.toMatchObject(refused);
    await expect(makeEnvironment(wish(path.join(folder, 'thesis.tex')))).rejects.toMatchObject(refused);
    expect(readdirSync(folder)).toEqual(['thesis.tex']);
    expect(readFileSync(path.join(folder, 'thesis.tex'), 'utf8')).toBe('years of work');
  });

  test('asks for room before it begins', async () => {
    const folder = path.join(temporaryFolder(), 'venv');
    const error = await makeEnvironment({ ...wish(folder), room: 2 ** 60 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'disk/full', message: expect.stringMatching(/GiB free; .* 1073741824.0 GiB/) });
    expect(existsSync(folder)).toBe(false);
  });

  test('says that a disk is full, and is completed when there is room', async (context) => {
    const disk = mountDisk('size=8m');
    if (!disk) return context.skip(needsMount);
    use(wheels());
    const folder = path.join(disk.folder, 'venv');
    await expect(makeEnvironment(wish(folder))).rejects.toMatchObject({ code: 'disk/full' });
    disk.remount('size=200m');
    expect(answers(await makeEnvironment(wish(folder)))).toBe('49');
  });
});

describe('sage-grpo setup-torch', () => {
  test('names the package that no index has, says where the network is not there, and goes on each time', async () => {
    const folder = path.join(temporaryFolder(), 'venv');
    const setUp = (settings: Record<string, string>) =>
      sage(['setup-torch', '--folder', folder], {
        env: { ...process.env, ...pipKnows(settings), NO_PROXY: '127.0.0.1' },
      });
    const empty = await setUp({ PIP_NO_INDEX: '1' });
    expect(empty.code).toBe(1);
    expect(empty.stderr).toMatch(/making[^]*error\[python\/no-package\]: No \S+==\S+ was found for Python 3\.\d+/);
    const unserved = await setUp({ PIP_INDEX_URL: 'http://127.0.0.1:9/simple' });
    expect(unserved.code).toBe(1);
    expect(unserved.stderr).toMatch(/is there, with Python 3[^]*error\[python\/no-network\]: .*: connection refused\./);
  });

  test('says which Python it needs', async () => {
    const folder = temporaryFolder();
    const old = path.join(folder, 'old-python');
    writeFileSync(old, '#!/bin/sh\necho \'{"version": "3.9.2", "packages": "/", "pip": "20.3"}\'\n', { mode: 0o755 });
    const named = await sage(['setup-torch', '--folder', path.join(folder, 'venv'), '--python', old]);
    expect(named.stderr).toContain(`No Python 3.11 or later was found: ${old} is 3.9.2.`);
    const missing = await sage(['setup-torch', '--folder', path.join(folder, 'venv'), '--python', 'no-such-python']);
    expect(missing.stderr).toContain('no-such-python cannot be run');
    expect(existsSync(path.join(folder, 'venv'))).toBe(false);
  });
});

describe('what Python and pip say', () => {
  const folder = path.join(temporaryFolder(), 'venv');
  const of = (output: string) => ({ folder, version: '3.11.7', output });
  mkdirSync(folder, { recursive: true });

  test('Debian without python3-venv is told which package to install', () => {
    const debian = `The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.11-venv
`;
    expect(venvFault(of(debian))).toMatchObject({
      code: 'python/no-venv',
      remedy: expect.stringContaining(process.platform === 'linux' ? 'apt install python3.11-venv' : 'python.org'),
    });
  });

  test.each([
    [
      "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/torch/",
      'name',
    ],
    ['ReadTimeoutError("HTTPSConnectionPool(host=\'files.pythonhosted.org\', port=443): Read timed out.")', 'in time'],
    ["SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify", 'certificate'],
    ["ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden'))", 'proxy refused'],
  ])('%s', (said, reason) => {
    const output = `WARNING: Retrying: ${said}\nERROR: No matching distribution found for torch==2.13.0`;
    expect(pipFault(of(output))).toMatchObject({ code: 'python/no-network', message: expect.stringContaining(reason) });
  });

  test('anything else is shown in its own words', () => {
    const output = 'Collecting av\nERROR: Failed building wheel for av\n[notice] A new release of pip is available';
    expect(pipFault(of(output)).message).toContain('Failed building wheel for av');
    expect(venvPython(folder)).toContain(folder);
  });
});
