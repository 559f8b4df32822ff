import '../../media/media.css';
import './rollouts.css';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { VideoEntry } from '../../../engine/protocol.ts';
import { handleMediaKey } from '../../media/keys.ts';
import { seedText } from '../../media/scores.tsx';
import { Transport } from '../../media/transport.tsx';
import { usePlayback } from '../../media/use-playback.ts';
import { shownAnswer, useVideos, type Videos, type VideosAnswer } from '../../media/videos.ts';
import { announce, Banner, Button, Empty, Failure, Loading } from '../../ui/index.ts';
import { configValue } from '../config-values.ts';
import { isLive, statusOf } from '../status.ts';
import type { Store } from '../store.ts';
import type { VideoActions } from './card.tsx';
import { Enlarged } from './enlarged.tsx';
import { Gallery, type CardSize } from './gallery.tsx';
import { counterpartOf, groupsOf, iterationsWith, nearest, type Order } from './groups.ts';
import { Toolbar } from './toolbar.tsx';

type Kind = 'rollouts' | 'evaluation';

/** Videos that are being written are asked for again after so long (ms). */
const rewriteInterval = 1000;

/** The videos of the run: an iteration's prompts in rows, their generations beside each other, all in step. */
export function RolloutsTab({ store }: { store: Store }) {
  const kind = store.choice<string>('rollouts.kind', 'rollouts');
  const chosen = store.choice<number | null>('rollouts.iteration', null);
  const follow = store.choice<boolean>('rollouts.follow', true);
  const { written } = store.view.value!;
  const counts = {
    rollouts: iterationsWith(written, 'rollouts').length,
    evaluation: iterationsWith(written, 'evaluation').length,
  };
  const live = isLive(statusOf(store.view.value, store.summary.value));
  if (counts.rollouts + counts.evaluation === 0) return <NoVideos store={store} live={live} />;
  const shownKind: Kind = kind.value === 'evaluation' ? 'evaluation' : 'rollouts';
  const iterations = iterationsWith(written, shownKind);
  const newest = iterations.at(-1) ?? null;
  const follows = chosen.value === null || (live && follow.value);
  const iteration = newest === null ? null : follows ? newest : nearest(iterations, chosen.value!);
  const toolbar = (
    <Toolbar
      kind={kind}
      order={store.choice<string>('rollouts.order', 'generation')}
      size={store.choice<string>('rollouts.size', 'medium')}
      follow={follow}
      beside={store.choice<number | null>('rollouts.beside', null)}
      counts={counts}
      iterations={iterations}
      iteration={iteration}
      live={live}
      onIteration={(wanted) => {
        chosen.value = wanted;
        follow.value = false;
      }}
    />
  );
  if (iteration === null)
    return (
      <div class="rollouts">
        {toolbar}
        <Empty icon="device-camera-video" title={`No ${shownKind} videos were written`}>
          {shownKind === 'rollouts'
            ? 'The config says when they are, in videos.every. The evaluation has videos.'
            : 'The config says how many are, in videos.evaluation, and when, in evaluation.every.'}
        </Empty>
      </div>
    );
  return (
    <Iteration store={store} live={live} kind={shownKind} iteration={iteration} iterations={iterations}>
      {toolbar}
    </Iteration>
  );
}

interface IterationProps {
  store: Store;
  live: boolean;
  kind: Kind;
  iteration: number;
  iterations: readonly number[];
  children: preact.ComponentChildren;
}

/** The videos of one iteration, and of a second beside them. */
function Iteration({ store, live, kind, iteration, iterations, children }: IterationProps) {
  const connected = store.connection.value.state === 'connected';
  const { written } = store.view.value!;
  const other = store.choice<number | null>('rollouts.beside', null).value;
  const second = other === null || iterations.length < 2 ? null : nearest(iterations, other);
  const ask = (at: number) => () => store.ask('videos', { kind, iteration: at });
  const [tries, setTries] = useState(0);
  // A resume writes the videos of an iteration anew.
  const writes = (at: number) => written.filter((entry) => entry.kind === kind && entry.iteration === at).length;
  const key = (at: number | null) => (at === null ? null : `${kind} ${at} ${writes(at)} ${tries}`);
  const videos = useVideos(key(iteration), ask(iteration));
  const beside = useVideos(key(second), ask(second ?? 0));
  useEffect(() => {
    if (connected && (videos.state === 'failed' || beside.state === 'failed')) setTries(tries + 1);
  }, [connected]);
  const answer = shownAnswer(videos);
  const missing = answer?.videos.filter(({ file }) => !answer.sources[file]).length ?? 0;
  // Videos are encoded while training goes on: those of the newest iteration may still come.
  const writing = missing > 0 && live && iteration === iterations.at(-1);
  useEffect(() => {
    if (!writing) return;
    const timer = setTimeout(() => setTries(tries + 1), rewriteInterval);
    return () => clearTimeout(timer);
  }, [writing, missing, tries]);
  const first = answer?.videos.map(({ file }) => answer.sources[file]).find((source) => source !== undefined);
  const frames = configValue(store.summary.value?.config ?? {}, 'sampling.frames');
  const known = typeof frames === 'number' ? frames : undefined;
  const autoplay = store.setup.value?.autoplay ?? false;
  const playback = usePlayback(first?.video ?? null, { frames: known, autoplay });
  const order = store.choice<string>('rollouts.order', 'generation').value as Order;
  const size = store.choice<string>('rollouts.size', 'medium').value as CardSize;
  const [enlarged, setEnlarged] = useState<VideoEntry | null>(null);
  const groups = useMemo(() => (answer ? groupsOf(answer, order) : []), [answer, order]);
  const ordered = groups.flatMap((group) => group.videos);
  const open = enlarged && answer ? (ordered.find(({ file }) => file === enlarged.file) ?? null) : null;
  const besideAnswer = second === null ? null : shownAnswer(beside);
  return (
    <div class="rollouts" onKeyDown={(event) => open === null && handleMediaKey(event, playback)}>
      {children}
      {videos.state === 'failed' ? (
        <VideosFailed videos={videos} onAgain={() => setTries(tries + 1)} store={store} />
      ) : answer === null ? (
        <Loading text={`Reading the videos of iteration ${iteration}…`} />
      ) : (
        <>
          <Transport playback={playback} all />
          <Notes
            onEvaluation={
              iterationsWith(written, 'evaluation').length > 1
                ? () => (store.choice<string>('rollouts.kind', 'rollouts').value = 'evaluation')
                : null
            }
            kind={kind}
            answer={answer}
            missing={missing}
            writing={writing}
            beside={besideAnswer}
            failed={second !== null && beside.state === 'failed'}
          />
          <div class={videos.state === 'loading' ? 'rollouts-stale' : ''} aria-busy={videos.state === 'loading'}>
            <Gallery
              groups={groups}
              kind={kind}
              size={size}
              playback={playback}
              actions={actionsOn(store, answer)}
              beside={besideAnswer && { answer: besideAnswer, actions: actionsOn(store, besideAnswer) }}
              onEnlarge={(video) => {
                playback.pause();
                setEnlarged(video);
              }}
            />
          </div>
        </>
      )}
      {open && answer && (
        <Enlarged
          videos={ordered}
          video={open}
          kind={kind}
          iteration={answer.iteration}
          frames={known}
          autoplay={autoplay}
          actions={actionsOn(store, answer)}
          onShow={setEnlarged}
          onClose={() => setEnlarged(null)}
        />
      )}
    </div>
  );
}

/** What the whole page has to say about the videos. */
function Notes(props: {
  kind: Kind;
  answer: VideosAnswer;
  /** How many of them are not on disk, and whether they may still come. */
  missing: number;
  writing: boolean;
  beside: VideosAnswer | null;
  failed: boolean;
  /** Shows the evaluation instead; null where there is nothing to set beside each other. */
  onEvaluation: (() => void) | null;
}) {
  const { kind, answer, missing, writing, beside, failed, onEvaluation } = props;
  const pairs = beside ? answer.videos.map((video) => counterpartOf(video, beside.videos)) : [];
  const prompts = new Set(answer.videos.filter((_, i) => pairs[i]).map(({ prompt }) => prompt)).size;
  const of = new Set(answer.videos.map(({ prompt }) => prompt)).size;
  return (
    <>
      {writing && (
        <p class="rollouts-note" role="status">
          {`${missing} of ${answer.videos.length} videos are still being written.`}
        </p>
      )}
      {missing > 0 && !writing && (
        <Banner tone="warning">
          {missing === answer.videos.length
            ? 'The folder with these videos is not on disk any more. Scores are from the log.'
            : `${missing} of ${answer.videos.length} videos are not on disk any more. Their scores are from the log.`}
        </Banner>
      )}
      {failed && <Banner tone="warning">The videos of the other iteration could not be read.</Banner>}
      {beside && (
        <p class="rollouts-note">
          {`${prompts} of ${of} prompts have videos at iteration ${beside.iteration} too. `}
          {kind === 'rollouts'
            ? 'Seeds of rollouts differ between iterations, so the noise differs as well as the policy; evaluations keep theirs.'
            : 'An evaluation has the same seeds each time: what differs is the policy.'}
          {kind === 'rollouts' && onEvaluation && (
            <Button kind="plain" onClick={onEvaluation}>
              Show Evaluation
            </Button>
          )}
        </p>
      )}
    </>
  );
}

function VideosFailed({ videos, store, onAgain }: { videos: Videos; store: Store; onAgain: () => void }) {
  if (videos.state !== 'failed') return null;
  return (
    <Failure title={videos.refusal.message} remedy={videos.refusal.remedy}>
      <Button icon="refresh" onClick={onAgain}>
        Try Again
      </Button>
      <Button icon="folder-opened" onClick={() => store.act('reveal')}>
        Reveal Run Folder
      </Button>
    </Failure>
  );
}

function NoVideos({ store, live }: { store: Store; live: boolean }) {
  const every = configValue(store.summary.value?.config ?? {}, 'videos.every');
  if (every === 0)
    return (
      <Empty icon="device-camera-video" title="This run writes no videos">
        Its config has videos.every: 0. Set it to 10, say, to keep the videos of every tenth iteration.
      </Empty>
    );
  if (live)
    return (
      <Empty icon="hourglass" title="No videos yet">
        {typeof every === 'number' ? `Videos are written at iteration 1 and every ${every} iterations. ` : ''}They
        appear here by themselves.
      </Empty>
    );
  return (
    <Empty icon="device-camera-video" title="No videos were written">
      The run ended before the first iteration with videos was done, or its folder with videos was deleted.
    </Empty>
  );
}

/** What can be done with the videos of an answer. */
function actionsOn(store: Store, answer: VideosAnswer): VideoActions {
  const copy = (text: string, what: string) => {
    store.copy(text);
    announce(`${what} copied`);
  };
  return {
    sourceOf: ({ file }) => answer.sources[file] ?? null,
    copyPrompt: ({ prompt }) => copy(prompt, 'Prompt'),
    copySeed: (video) => copy(seedText(video), 'Seed'),
    copyFile: ({ file }) => copy(`${store.view.value!.glance.folder}/${file}`, 'File path'),
    openInEditor: ({ file }) => store.openVideo(answer.kind, answer.iteration, file),
  };
}
