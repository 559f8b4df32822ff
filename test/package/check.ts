/** Packs the npm package, installs it into an empty folder without this repository, and uses it there. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../engine/package-root.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sage-package-'));
const npm = (args: string[], cwd: string) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const [packed] = JSON.parse(
    npm(['pack', '--json', '--loglevel=error', '--pack-destination', folder], packageRoot()),
  ) as {
    filename: string;
    size: number;
    files: { path: string }[];
  }[];
  const unwanted = packed.files.filter(({ path: file }) => /^(test|runs|node_modules|\.)|__pycache__/.test(file));
  if (unwanted.length > 0) throw new Error(`the package holds ${unwanted.map(({ path: file }) => file).join(', ')}`);
  if (packed.size > 20 * 2 ** 20) throw new Error(`the package has ${packed.size} bytes`);

  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  writeFileSync(path.join(folder, '.npmrc'), 'onnxruntime-node-install=skip\n');
  npm(['install', '--no-audit', '--no-fund', '--loglevel=error', path.join(folder, packed.filename)], folder);
  const program = path.join(folder, 'node_modules', 'sage-studio', 'dist', 'cli.js');
  const sage = (...args: string[]) =>
    execFileSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  sage('doctor');
  sage('init', 'shapes');
  sage('validate', 'shapes.sage.yaml');
  sage(
    'train',
    'shapes.sage.yaml',
    '--iterations',
    '1',
    '--set',
    'evaluation.max_videos=4',
    '--set',
    'videos.every=1',
    '--name',
    'packed',
  );
  const { status, videosFolder } = JSON.parse(sage('inspect', 'packed', '--json')) as {
    status: string;
    videosFolder: string;
  };
  if (status !== 'finished' || !existsSync(path.join(videosFolder, 'p00-g0.mp4')))
    throw new Error(`the packed program ended ${status}`);
  sage('report', 'packed', '-o', 'report.html');
  console.log(`package: ${packed.files.length} files, ${(packed.size / 2 ** 20).toFixed(1)} MB, installs and trains`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
