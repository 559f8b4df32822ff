import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { listPresets, readPreset } from '../config/presets.ts';
import { SageError } from '../errors.ts';
import { packageVersion } from '../package-root.ts';
import {
  finding,
  protocolVersion,
  requests,
  type CheckedParamsOf,
  type RequestName,
  type ResultOf,
} from '../protocol.ts';
import { listCheckpoints, shownCheckpoints } from '../run/checkpoint.ts';
import { compareRuns } from '../run/compare.ts';
import { sendControl } from '../run/control.ts';
import { inspectRun } from '../run/inspect.ts';
import { killTrainer } from '../run/kill.ts';
import { requireFree } from '../run/lock.ts';
import { readSeries, readVideos } from '../view/parts.ts';
import type { Commands } from './child.ts';
import { estimate, explain, explore, findingsOf } from './configs.ts';
import { listFolder, readRange, requirePlainPath } from './files.ts';
import { launchResume, launchTrainer, requireAbsolute, type Program } from './launch.ts';
import type { Observations } from './observations.ts';
import { folderOf, listGlances } from './runs.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { RunsWatcher } from './watch.ts';

/** What the handlers of one connection work with. */
export interface ServerContext {
  readonly runsDir: string;
  readonly program: Program;
  readonly commands: Commands;
  readonly subscriptions: Subscriptions;
  readonly observations: Observations;
  /** Who asks; null until it has said so. */
  client: { name: string; version: string } | null;
  watcher: RunsWatcher | null;
  startWatching(): Promise<RunsWatcher>;
  /** The client has gone; what is begun now must not go on. */
  over: boolean;
  log(text: string): void;
}

export type Handlers = {
  [Name in RequestName]: (params: CheckedParamsOf<Name>, signal: AbortSignal) => Promise<ResultOf<Name>>;
};

async function isWritable(folder: string): Promise<boolean> {
  const exists = (await stat(folder).catch(() => null)) !== null;
  const parent = path.dirname(folder);
  if (!exists && parent !== folder) return isWritable(parent);
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

function engineHandlers(context: ServerContext): Pick<Handlers, 'engine/hello' | 'engine/ping' | 'engine/doctor'> {
  const { runsDir } = context;
  return {
    async 'engine/hello'({ protocolVersion: theirs, client }) {
      if (theirs !== protocolVersion)
        throw new SageError(
          'protocol/version',
          `The editor speaks version ${theirs} of the protocol, this engine (sage-grpo ${packageVersion()}) version ${protocolVersion}.`,
          'Install the same version of SAGE Studio on both machines.',
        );
      context.client = client;
      context.log(`hello from ${JSON.stringify(client)}`);
      const found = await stat(runsDir).catch(() => null);
      return {
        protocolVersion,
        packageVersion: packageVersion(),
        node: process.version,
        platform: `${process.platform}-${process.arch}`,
        host: os.hostname(),
        pid: process.pid,
        runs: { folder: runsDir, exists: found?.isDirectory() ?? false, writable: await isWritable(runsDir) },
      };
    },
    'engine/ping': async () => ({}),
    async 'engine/doctor'() {
      // Exit code 1 says that something was found.
      const printed = await context.commands.run(['doctor', '--json', '--runs', runsDir], [0, 1]);
      return { findings: z.array(finding).parse(JSON.parse(printed)) };
    },
  };
}

type Reading =
  | 'runs/list'
  | 'runs/watch'
  | 'runs/unwatch'
  | 'runs/compare'
  | 'run/inspect'
  | 'run/checkpoints'
  | 'run/subscribe'
  | 'run/unsubscribe'
  | 'run/readFile'
  | 'run/listFiles'
  | 'run/report';

function readingHandlers(context: ServerContext): Pick<Handlers, Reading> {
  const { runsDir, subscriptions } = context;
  const folder = (run: string) => folderOf(runsDir, run);
  return {
    'runs/list': async () => ({ runs: await listGlances(runsDir) }),
    async 'runs/watch'() {
      context.watcher?.close();
      context.watcher = await context.startWatching();
      return { runs: context.watcher.runs() };
    },
    async 'runs/unwatch'() {
      context.watcher?.close();
      context.watcher = null;
      return {};
    },
    'runs/compare': async ({ runs }) => compareRuns(await Promise.all(runs.map(folder))),
    'run/inspect': async ({ run, deep }) => inspectRun(await folder(run), { deep }),
    'run/checkpoints': async ({ run }) => ({
      checkpoints: await listCheckpoints(await folder(run), { newest: shownCheckpoints }),
    }),
    'run/subscribe': async ({ run, ...options }) => ({ subscription: subscriptions.add(await folder(run), options) }),
    async 'run/unsubscribe'({ subscription }) {
      subscriptions.remove(subscription);
      return {};
    },
    'run/readFile': async ({ run, path: file, offset, length }) => readRange(await folder(run), file, offset, length),
    'run/listFiles': async ({ run, path: inner }) => listFolder(await folder(run), inner),
    async 'run/report'({ run }) {
      const place = await folder(run);
      await context.commands.run(['report', place, '--runs', runsDir, '-o', path.join(place, 'report.html')]);
      return { folder: place, path: 'report.html' };
    },
  };
}

type Viewing = 'run/observe' | 'run/unobserve' | 'run/series' | 'run/videos';

function viewingHandlers({ runsDir, observations }: ServerContext): Pick<Handlers, Viewing> {
  const folder = (run: string) => folderOf(runsDir, run);
  return {
    'run/observe': async ({ run, columns }) => ({ observation: observations.add(await folder(run), columns) }),
    async 'run/unobserve'({ observation }) {
      observations.remove(observation);
      return {};
    },
    async 'run/series'({ run, ...window }) {
      const place = await folder(run);
      return readSeries(place, window, observations.index(place));
    },
    async 'run/videos'({ run, ...wanted }) {
      const place = await folder(run);
      const found = await readVideos(place, wanted, observations.index(place));
      // An editor makes addresses of them, without asking for the file.
      for (const { file, poster } of found.videos) for (const name of [file, poster]) requirePlainPath(name);
      return found;
    },
  };
}

type Steering = 'run/launch' | 'run/resume' | 'run/control' | 'run/kill' | 'run/deletable';

const controlReply = requests['run/control'].result;

function steeringHandlers(context: ServerContext): Pick<Handlers, Steering> {
  const { runsDir, program } = context;
  const folder = (run: string) => folderOf(runsDir, run);
  return {
    async 'run/launch'(request, signal) {
      if (request.text === undefined) requireAbsolute(request.file);
      const file = path.resolve(request.file);
      const started = await launchTrainer(program, runsDir, { ...request, file }, signal);
      context.log(`launched ${started.run} as process ${started.pid}`);
      return started;
    },
    async 'run/resume'({ run, ...request }, signal) {
      const started = await launchResume(program, await folder(run), request, signal);
      context.watcher?.expect(run);
      context.log(`resumed ${run} as process ${started.pid}`);
      return { ...started, run };
    },
    async 'run/control'({ run, request }) {
      return controlReply.parse(await sendControl(await folder(run), request, { by: context.client?.name }));
    },
    async 'run/kill'({ run }) {
      const { pid } = await killTrainer(await folder(run));
      context.log(`killed process ${pid} of ${run}`);
      return { pid };
    },
    async 'run/deletable'({ run }) {
      const place = await folder(run);
      await requireFree(place);
      return { folder: place };
    },
  };
}

type Configuring = 'config/validate' | 'config/explain' | 'config/exploration' | 'config/estimate' | 'config/presets';

function configHandlers(context: ServerContext): Pick<Handlers, Configuring> {
  return {
    'config/validate': async (source) => ({ diagnostics: findingsOf(source).diagnostics }),
    'config/explain': async (source) => explain(context.program, context.runsDir, source),
    'config/exploration': async (source) => explore(source),
    'config/estimate': async (source) => estimate(source),
    async 'config/presets'() {
      const presets = listPresets().map(({ name, description }) => ({ name, description, text: readPreset(name) }));
      return { presets };
    },
  };
}

/** One function a request. They throw `SageError` for what a person can put right. */
export function createHandlers(context: ServerContext): Handlers {
  return {
    ...engineHandlers(context),
    ...readingHandlers(context),
    ...viewingHandlers(context),
    ...steeringHandlers(context),
    ...configHandlers(context),
  };
}
