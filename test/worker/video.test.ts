import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findPython, workerFolder } from '../../engine/python.ts';
import { chromium, needs, needsChromium } from '../support/needs.ts';
import { play } from '../support/playback.ts';
import { eightColours } from '../unit/media/testvideo.ts';

needs(chromium !== undefined, needsChromium);

const program = `
import json, sys, torch
from pathlib import Path
from sage_worker.video import write_video
colours = torch.tensor(json.loads(sys.argv[2]))
write_video(colours[:, None, None, :].expand(-1, 32, 32, 3), Path(sys.argv[1]), Path(sys.argv[1] + ".png"), 8, 26, 8)
`;

test("the worker's video plays in a browser, seeks to any frame, and has the colours of the pixels", async (context) => {
  const found = await findPython(['torch', 'av', 'pillow', 'numpy']);
  if (found.python === null) return context.skip('no Python here has torch, av, pillow');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sage-video-'));
  try {
    const file = path.join(folder, 'v.mp4');
    const argv = ['-c', program, file, JSON.stringify(eightColours)];
    await promisify(execFile)(found.python, argv, { cwd: workerFolder() });
    const result = await play(await readFile(file));
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({ width: 256, height: 256, duration: 1 });
    eightColours.forEach((colour, frame) => {
      colour.forEach((value, channel) =>
        expect(Math.abs(result.colours[frame][channel] - value * 255)).toBeLessThan(8),
      );
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
