import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from './needs.ts';

/** Seeks to frames out of order and sends back the colour in the lower right of each. */
const page = (
  mp4: Uint8Array,
) => `<!doctype html><video muted src="data:video/mp4;base64,${Buffer.from(mp4).toString('base64')}">
</video><script type="module">
const video = document.querySelector('video');
const send = (body) => fetch('/result', { method: 'POST', body: JSON.stringify(body) });
video.onerror = () => send({ error: video.error.message });
if (video.readyState < 2) await new Promise((resolve) => (video.onloadeddata = resolve));
const canvas = document.createElement('canvas');
canvas.width = video.videoWidth; canvas.height = video.videoHeight;
const context = canvas.getContext('2d');
const colours = {};
for (const frame of [7, 0, 3, 1, 2, 5, 4, 6]) {
  // A seek ends before its frame is there to be drawn, where the machine is busy.
  await new Promise((resolve) => {
    const look = (_, { mediaTime }) =>
      Math.round(mediaTime * 8) === frame ? resolve() : video.requestVideoFrameCallback(look);
    video.requestVideoFrameCallback(look);
    video.currentTime = (frame + 0.5) / 8;
  });
  context.drawImage(video, 0, 0);
  colours[frame] = [...context.getImageData(canvas.width * 0.75, canvas.height * 0.75, 1, 1).data.slice(0, 3)];
}
await send({ colours, width: video.videoWidth, height: video.videoHeight, duration: video.duration });
</script>`;

export interface Playback {
  error?: string;
  colours: Record<number, number[]>;
  width: number;
  height: number;
  duration: number;
}

/** Plays an MP4 of eight frames, 8 a second, in headless Chromium. */
export async function play(mp4: Uint8Array): Promise<Playback> {
  const profile = await mkdtemp(join(tmpdir(), 'sage-playback-'));
  let report: (body: Playback) => void;
  const reported = new Promise<Playback>((resolve) => (report = resolve));
  const server = createServer((request, response) => {
    if (request.method !== 'POST') return void response.setHeader('content-type', 'text/html').end(page(mp4));
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => (response.end(), report(JSON.parse(body) as Playback)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
  ];
  const browser = spawn(chromium!, [...flags, address], { stdio: 'ignore' });
  try {
    return await reported;
  } finally {
    const ended = new Promise((resolve) => browser.once('exit', resolve));
    browser.kill();
    await ended;
    server.close();
    server.closeAllConnections();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
