import { useEffect, useMemo, useState } from 'preact/hooks';
import type { VideoEntry } from '../../engine/protocol.ts';
import { counterpartOf, iterationsWith, nearest } from '../dashboard/rollouts/groups.ts';
import type { Refusal } from '../host.ts';
import { handleMediaKey } from '../media/keys.ts';
import { Player } from '../media/player.tsx';
import type { Playback } from '../media/playback.ts';
import { Scores, seedText } from '../media/scores.tsx';
import { Transport } from '../media/transport.tsx';
import { usePlayback } from '../media/use-playback.ts';
import type { VideosAnswer } from '../media/videos.ts';
import { Empty, Icon, Loading, Segmented, Select } from '../ui/index.ts';
import type { RunLook } from './looks.ts';
import { RunMark } from './mark.tsx';
import type { CompareStore } from './store.ts';

type Kind = 'rollouts' | 'evaluation';
type Got = VideosAnswer | Refusal;
const isAnswer = (got: Got | undefined): got is VideosAnswer => got !== undefined && 'videos' in got;

/** Asks for the videos of each run at its iteration; null where it has none. */
function useAnswers(store: CompareStore, kind: Kind, runs: readonly RunLook[], at: readonly (number | null)[]) {
  const [got, setGot] = useState<Record<string, Got>>({});
  const keys = runs.map(({ id }, i) => (at[i] === null ? null : `${kind} ${at[i]} ${id}`));
  useEffect(() => {
    keys.forEach((key, i) => {
      if (key === null || isAnswer(got[key])) return;
      store.videos({ run: runs[i].id, kind, iteration: at[i]! }).then(
        (answer) => setGot((before) => ({ ...before, [key]: answer })),
        (refusal: Refusal) => setGot((before) => ({ ...before, [key]: refusal })),
      );
    });
  }, [keys.join('\n')]);
  return keys.map((key) => (key === null ? undefined : got[key]));
}

/** The same prompt and seed in all runs, beside each other and in step. */
export function Videos({ store, looks }: { store: CompareStore; looks: readonly RunLook[] }) {
  const { written } = store.compared.value!;
  const kind: Kind = store.choice<string>('videos.kind', 'evaluation').value === 'rollouts' ? 'rollouts' : 'evaluation';
  const iterations = written.map((list) => iterationsWith(list, kind));
  const chosen = looks.map(({ id }) => store.choice<number | null>(`videos.at.${id}`, null));
  const at = iterations.map((list, i) =>
    list.length === 0 ? null : chosen[i].value === null ? list[list.length - 1] : nearest(list, chosen[i].value),
  );
  const answers = useAnswers(store, kind, looks, at);
  const known = answers.filter(isAnswer);
  const prompts = useMemo(
    () => [...new Set(known.flatMap(({ videos }) => videos.map(({ prompt }) => prompt)))],
    [known.length, ...known],
  );
  const wish = store.choice<string>('videos.prompt', '');
  const prompt = prompts.includes(wish.value) ? wish.value : (prompts[0] ?? '');
  const first = known.flatMap(({ sources }) => Object.values(sources))[0]?.video ?? null;
  const playback = usePlayback(first, { autoplay: store.setup.value?.autoplay ?? false });
  return (
    <div class="compare-videos" onKeyDown={(event) => handleMediaKey(event, playback)}>
      <div class="compare-tools">
        <Segmented<Kind>
          label="Videos of"
          value={kind}
          options={[
            { value: 'evaluation', label: 'Evaluation' },
            { value: 'rollouts', label: 'Rollouts' },
          ]}
          onChange={(value) => (store.choice<string>('videos.kind', 'evaluation').value = value)}
        />
        {prompts.length > 0 && (
          <Select
            label="Prompt"
            value={prompt}
            options={prompts.map((text) => ({ value: text, label: text }))}
            onChange={(value) => (wish.value = value)}
          />
        )}
      </div>
      {at.every((iteration) => iteration === null) ? (
        <Empty icon="device-camera-video" title={`None of these runs has ${kind} videos`}>
          The config says when they are written, in videos.every and videos.evaluation.
        </Empty>
      ) : (
        <>
          <Transport playback={playback} all />
          <p class="compare-note">
            {kind === 'evaluation'
              ? 'Evaluations use the same noise for a prompt in every run with the same evaluation.seed.'
              : 'Rollouts of runs with the same seed begin from the same noise at the same iteration.'}
          </p>
          <div class="ui-table-frame" tabIndex={0} role="region" aria-label="Videos of the runs">
            <VideoTable
              {...{ kind, looks, iterations, at, answers, prompt, playback }}
              onChoose={(i, value) => (chosen[i].value = value)}
            />
          </div>
        </>
      )}
    </div>
  );
}

interface VideoTableProps {
  kind: Kind;
  looks: readonly RunLook[];
  /** By run: those that have videos. */
  iterations: readonly (readonly number[])[];
  at: readonly (number | null)[];
  answers: readonly (Got | undefined)[];
  prompt: string;
  playback: Playback;
  onChoose: (run: number, iteration: number | null) => void;
}

/** Runs in columns, the generations of the prompt in rows. */
function VideoTable({ kind, looks, iterations, at, answers, prompt, playback, onChoose }: VideoTableProps) {
  const rows = alignedBySeed(
    answers.map((got) => (isAnswer(got) ? got.videos.filter((video) => video.prompt === prompt) : [])),
  );
  return (
    <table class="ui-table video-table">
      <caption class="ui-hidden">{`Videos of “${prompt}” by run`}</caption>
      <thead>
        <tr>
          {looks.map((look, run) => (
            <th key={look.id} scope="col">
              <p class="video-run" title={look.id}>
                <RunMark look={look} /> <span>{look.id}</span>
              </p>
              {at[run] !== null && (
                <Select
                  label="Iteration"
                  value={String(at[run])}
                  options={iterations[run].map((value, i) => ({
                    value: String(value),
                    label: i === iterations[run].length - 1 ? `${value} (last)` : String(value),
                  }))}
                  onChange={(value) => {
                    const last = Number(value) === iterations[run].at(-1);
                    onChoose(run, last ? null : Number(value));
                  }}
                />
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.length === 0 && (
          <tr>
            {looks.map((look, run) => (
              <td key={look.id}>
                <Absent got={answers[run]} kind={kind} none={at[run] === null} />
              </td>
            ))}
          </tr>
        )}
        {rows.map((row) => (
          <tr key={row.generation}>
            {row.videos.map((cell, run) => (
              <td key={looks[run].id}>
                {cell ? (
                  <Cell
                    video={cell.video}
                    sameSeed={cell.sameSeed}
                    answer={answers[run] as VideosAnswer}
                    playback={playback}
                  />
                ) : (
                  <Absent got={answers[run]} kind={kind} none={at[run] === null} />
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Row {
  generation: number;
  videos: ({ video: VideoEntry; sameSeed: boolean } | null)[];
}

/** Videos of one prompt by generation; `sameSeed`: from the same noise as that of the first run that has one. */
export function alignedBySeed(lists: readonly (readonly VideoEntry[])[]): Row[] {
  const generations = [...new Set(lists.flatMap((list) => list.map(({ generation }) => generation)))].sort(
    (a, b) => a - b,
  );
  return generations.map((generation) => {
    const own = lists.map((list) => list.find((video) => video.generation === generation) ?? null);
    const first = own.find((video) => video !== null)!;
    return {
      generation,
      videos: own.map((video) => video && { video, sameSeed: counterpartOf(first, [video])?.sameSeed ?? false }),
    };
  });
}

function Cell(props: { video: VideoEntry; sameSeed: boolean; answer: VideosAnswer; playback: Playback }) {
  const { video, sameSeed, answer, playback } = props;
  return (
    <div class="video-cell">
      <Player
        source={answer.sources[video.file] ?? null}
        playback={playback}
        label={`${video.prompt}, generation ${video.generation}, iteration ${answer.iteration}`}
      />
      <Scores video={video} />
      <p class="compare-note" title={seedText(video)}>
        {`generation ${video.generation}`}
        {!sameSeed && (
          <>
            {' · '}
            <Icon name="warning" /> other seed
          </>
        )}
      </p>
    </div>
  );
}

function Absent({ got, kind, none }: { got: Got | undefined; kind: Kind; none: boolean }) {
  if (none) return <p class="compare-note">{`This run has no ${kind} videos.`}</p>;
  if (got === undefined) return <Loading text="Reading…" />;
  if (isAnswer(got)) return <p class="compare-note">This prompt has no video in this run at this iteration.</p>;
  return <p class="compare-note">{`${got.message} ${got.remedy}`}</p>;
}
