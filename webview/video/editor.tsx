import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes } from '../charts/numbers.ts';
import { Details } from '../media/details.tsx';
import { handleMediaKey } from '../media/keys.ts';
import { Player } from '../media/player.tsx';
import type { Playback } from '../media/playback.ts';
import { seedText } from '../media/scores.tsx';
import { FrameStrip } from '../media/strip.tsx';
import { frameRate } from '../media/timeline.ts';
import { FrameClock, Transport } from '../media/transport.tsx';
import { usePlayback } from '../media/use-playback.ts';
import { announce, Button, Facts, Failure, LiveRegion, Loading, Select } from '../ui/index.ts';
import type { VideoSetup, VideoStore } from './store.ts';
import { widthAt, zooms, type Zoom } from './zoom.ts';

/** One video of a run, or any other, frame by frame. */
export function Editor({ store }: { store: VideoStore }) {
  const problem = store.problem.value;
  const setup = store.setup.value;
  if (problem)
    return (
      <Failure title={problem.message} remedy={problem.remedy}>
        <Button icon="refresh" onClick={store.begin}>
          Try Again
        </Button>
        <Button icon="link-external" onClick={store.openExternally}>
          Open Externally
        </Button>
      </Failure>
    );
  if (!setup) return <Loading text="Opening the video…" />;
  return (
    <>
      <Film key={setup.source} store={store} setup={setup} />
      <LiveRegion />
    </>
  );
}

function Film({ store, setup }: { store: VideoStore; setup: VideoSetup }) {
  const { source, poster, name, autoplay, origin } = setup;
  const playback = usePlayback(source, { autoplay });
  const [fault, setFault] = useState<string | null>(null);
  const [zoom, setZoom] = useState<Zoom>('fit');
  const stage = useRef<HTMLDivElement>(null);
  useEffect(() => fitStage(stage.current!, zoom), [zoom]);
  // Keys work from the start, without a click into the picture.
  useEffect(() => {
    const listen = (event: KeyboardEvent) => void handleMediaKey(event, playback, true);
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [playback]);
  return (
    <main class="film">
      <h1 class="ui-hidden">{name}</h1>
      <div class="film-left">
        <div
          class={`film-stage${zoom === 'fit' ? ' film-fit' : ''}`}
          ref={stage}
          tabIndex={0}
          role="group"
          aria-label="Video"
        >
          <Player
            eager
            source={{ video: source, poster }}
            playback={playback}
            label={origin?.entry.prompt ?? name}
            onFault={setFault}
          />
        </div>
        {fault ? (
          <p class="film-fault" role="alert">
            {fault}
            <Button icon="link-external" onClick={store.openExternally}>
              Open Externally
            </Button>
          </p>
        ) : (
          <>
            <div class="film-bar">
              <Transport playback={playback} />
              <FrameClock playback={playback} />
              <Select label="Zoom" value={zoom} options={zooms} onChange={setZoom} />
            </div>
            <FrameStrip address={source} playback={playback} />
          </>
        )}
      </div>
      <About store={store} setup={setup} playback={playback} />
    </main>
  );
}

/** Sets the player's size by its video's own pixels. */
function fitStage(stage: HTMLElement, zoom: Zoom): () => void {
  const player = stage.querySelector<HTMLElement>('.player')!;
  const size = () => {
    const { videoWidth, videoHeight } = stage.querySelector('video') ?? { videoWidth: 0, videoHeight: 0 };
    const width = videoWidth > 0 ? widthAt(zoom, videoWidth, window.devicePixelRatio) : null;
    player.style.aspectRatio = videoWidth > 0 ? `${videoWidth} / ${videoHeight}` : '';
    player.style.width = width === null ? '' : `${width}px`;
  };
  size();
  stage.addEventListener('loadedmetadata', size, true);
  window.addEventListener('resize', size);
  return () => {
    stage.removeEventListener('loadedmetadata', size, true);
    window.removeEventListener('resize', size);
  };
}

function About({ store, setup, playback }: { store: VideoStore; setup: VideoSetup; playback: Playback }) {
  const { origin, name, bytes } = setup;
  const { starts, duration } = playback.timeline.value;
  const copy = (text: string, what: string) => {
    store.copy(text);
    announce(`${what} copied`);
  };
  const file: [string, string][] = [
    [
      'Frames',
      `${starts.length}, ${Math.round(frameRate(playback.timeline.value) * 100) / 100} a second, ${duration.toFixed(3)} s`,
    ],
    ['File', `${name}, ${formatBytes(bytes)}`],
  ];
  if (!origin)
    return (
      <aside class="film-about" aria-label="About the video">
        <Facts facts={file} />
        <p class="film-outside">This file is not of a run, so there is no prompt, seed or score.</p>
      </aside>
    );
  const { entry, run, kind, iteration } = origin;
  return (
    <aside class="film-about" aria-label="About the video">
      <p class="film-prompt">{entry.prompt}</p>
      <Details video={entry} kind={kind} iteration={iteration} more={[...file, ['Run', run]]} />
      <div class="ui-row">
        <Button icon="copy" onClick={() => copy(entry.prompt, 'Prompt')}>
          Copy Prompt
        </Button>
        <Button icon="key" onClick={() => copy(seedText(entry), 'Seed')}>
          Copy Seed
        </Button>
        <Button icon="dashboard" onClick={store.openDashboard}>
          Open Dashboard
        </Button>
      </div>
    </aside>
  );
}
