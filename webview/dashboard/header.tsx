import { formatDuration, formatNumber } from '../charts/numbers.ts';
import { Badge, Button, Facts, Menu, Progress } from '../ui/index.ts';
import { configValue, valueText } from './config-values.ts';
import { isLive, obstacle, statusLooks, statusOf } from './status.ts';
import type { DashboardAction, Store } from './store.ts';

/** Name, state and steering of the run. */
export function Header({ store }: { store: Store }) {
  const summary = store.summary.value;
  const view = store.view.value;
  const status = statusOf(view, summary);
  const look = status ? statusLooks[status] : null;
  const message = view?.glance.message ?? null;
  return (
    <header class="run-header">
      <div class="run-title">
        <h1>{view?.glance.name ?? summary?.name ?? store.setup.value?.run ?? 'Run'}</h1>
        {look ? (
          <Badge icon={look.icon} tone={look.tone}>
            {look.word}
          </Badge>
        ) : null}
        <Buttons store={store} />
      </div>
      <RunProgress store={store} />
      {message ? <p class="run-message">{message}</p> : null}
      <Facts facts={factsOf(store)} />
    </header>
  );
}

function RunProgress({ store }: { store: Store }) {
  const view = store.view.value;
  if (!view) return null;
  const { iterations, iterationsPlanned } = view.glance;
  const text =
    iterationsPlanned === null ? `Iteration ${iterations}` : `Iteration ${iterations} of ${iterationsPlanned}`;
  const left = view.secondsLeft === null ? null : `${formatDuration(view.secondsLeft)} left`;
  return (
    <div class="run-progress">
      {iterationsPlanned === null ? null : (
        <Progress label="Training" value={iterations} max={iterationsPlanned} text={text} />
      )}
      <p>
        <span>{text}</span>
        {left ? <span class="run-left">{left}</span> : null}
      </p>
    </div>
  );
}

function factsOf(store: Store): [string, string][] {
  const view = store.view.value;
  const summary = store.summary.value;
  const facts: [string, string][] = [];
  if (view) {
    const { reward, secondsPerIteration } = view.glance;
    facts.push(['Reward', formatNumber(reward)]);
    facts.push([
      'Rollout speed',
      view.videosPerSecond === null ? '–' : `${formatNumber(view.videosPerSecond)} videos/s`,
    ]);
    facts.push(['Iteration takes', secondsPerIteration === null ? '–' : `${formatNumber(secondsPerIteration)} s`]);
  }
  if (summary) {
    const value = (key: string) => configValue(summary.config, key);
    facts.push(['Policy', `${valueText(value('policy.model'))} (${valueText(value('policy.backend'))})`]);
    facts.push(['Device', summary.provenance.devices.join(', ') || '–']);
    facts.push(['Kernel', `${valueText(value('exploration.kernel'))}, η = ${valueText(value('exploration.eta'))}`]);
    facts.push(['Host', summary.provenance.host]);
  }
  return facts;
}

const more: { action: DashboardAction; label: string; icon: string }[] = [
  { action: 'report', label: 'Open Report', icon: 'graph' },
  { action: 'log', label: 'Open Log', icon: 'output' },
  { action: 'reveal', label: 'Reveal Run Folder', icon: 'folder-opened' },
  { action: 'config', label: 'Open Config', icon: 'settings-gear' },
  { action: 'compare', label: 'Compare with Other Runs…', icon: 'git-compare' },
  { action: 'kill', label: 'Kill Trainer', icon: 'circle-slash' },
];

function Buttons({ store }: { store: Store }) {
  const status = statusOf(store.view.value, store.summary.value);
  const busy = store.busy.value;
  const state = {
    status,
    trusted: store.trusted.value,
    connected: store.connection.value.state === 'connected',
    checkpoints: (store.view.value?.checkpoints ?? []).filter(({ valid }) => valid).length,
  };
  const button = (action: DashboardAction, icon: string, label: string, hint: string) => {
    const why = obstacle(action, state);
    return (
      <Button
        key={action}
        kind={action === 'resume' ? 'primary' : 'secondary'}
        icon={icon}
        hint={why ?? hint}
        busy={busy === action}
        disabled={why !== null || (busy !== null && busy !== action)}
        onClick={() => store.act(action)}
      >
        {label}
      </Button>
    );
  };
  return (
    <div class="ui-row run-buttons">
      {isLive(status) ? (
        <>
          {status === 'paused'
            ? button('continue', 'debug-continue', 'Continue', 'Goes on with the next iteration.')
            : button('pause', 'debug-pause', 'Pause', 'Waits after the iteration that is going on.')}
          {button('checkpoint', 'save', 'Checkpoint Now', 'Saves a checkpoint after the iteration that is going on.')}
          {button(
            'stop',
            'debug-stop',
            'Stop',
            'Saves a checkpoint after this iteration and ends. The run can be resumed.',
          )}
        </>
      ) : status === null || status === 'finished' ? null : (
        button('resume', 'debug-restart', 'Resume', 'Goes on from the newest valid checkpoint.')
      )}
      <Menu
        label="More"
        icon="ellipsis"
        items={more.map(({ action, label, icon }) => {
          const why = obstacle(action, state);
          const onSelect = () => store.act(action);
          return { id: action, label, icon, disabled: why !== null || busy !== null, hint: why ?? undefined, onSelect };
        })}
      />
    </div>
  );
}
