import { useComputed } from '@preact/signals';
import { IconButton, Select, Slider } from '../ui/index.ts';
import { moment } from './numbers.ts';
import { speeds, type Playback } from './playback.ts';

/** Play, step, speed and loop of all videos that follow a clock. */
export function Transport({ playback, all = false }: { playback: Playback; all?: boolean }) {
  const { playing, speed, loop } = playback;
  const what = all ? ' all' : '';
  return (
    <div class="transport" role="group" aria-label="Playback">
      <IconButton icon="chevron-left" label="Frame back (,)" onClick={() => playback.step(-1)} />
      <IconButton
        icon={playing.value ? 'debug-pause' : 'play'}
        label={playing.value ? `Pause${what} (Space)` : `Play${what} (Space)`}
        onClick={() => playback.toggle()}
      />
      <IconButton icon="chevron-right" label="Frame on (.)" onClick={() => playback.step(1)} />
      <FrameSlider playback={playback} />
      <Select
        label="Speed"
        value={String(speed.value)}
        options={speeds.map((value) => ({ value: String(value), label: `${value}×` }))}
        onChange={(value) => (speed.value = Number(value))}
      />
      <IconButton
        icon="sync"
        label="Loop"
        pressed={loop.value}
        onClick={() => {
          loop.value = !loop.value;
        }}
      />
    </div>
  );
}

/** Apart, because it is drawn anew with every frame. */
function FrameSlider({ playback }: { playback: Playback }) {
  const text = useComputed(() => {
    const [frame, { starts }] = [playback.frame.value, playback.timeline.value];
    return `${frame + 1} of ${starts.length}`;
  });
  const { starts } = playback.timeline.value;
  return (
    <Slider
      label="Frame"
      value={playback.frame.value}
      min={0}
      max={Math.max(0, starts.length - 1)}
      text={text.value}
      onChange={(frame) => playback.show(frame)}
    />
  );
}

/** When the frame that is shown begins. */
export function FrameClock({ playback }: { playback: Playback }) {
  return <output class="frame-clock">{moment(playback.timeline.value.starts[playback.frame.value] ?? 0)}</output>;
}
