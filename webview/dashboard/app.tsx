import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { Banner, Button, Empty, Failure, LiveRegion, Loading, TabPanel, Tabs, type Tab } from '../ui/index.ts';
import { CheckpointsTab } from './checkpoints.tsx';
import { DriftTab } from './drift.tsx';
import { GradientsTab } from './gradients.tsx';
import { Header } from './header.tsx';
import { HealthTab } from './health.tsx';
import { RewardTab } from './reward.tsx';
import { RolloutsTab } from './rollouts/rollouts-tab.tsx';
import { openCharts, type RunCharts } from './run-charts.ts';
import { RunTab } from './run.tsx';
import { isLive, statusOf } from './status.ts';
import type { Store } from './store.ts';

export const tabIds = ['health', 'reward', 'rollouts', 'gradients', 'drift', 'checkpoints', 'run'] as const;
export type TabId = (typeof tabIds)[number];

/** The whole dashboard of one run. */
export function App({ store }: { store: Store }) {
  return (
    <>
      <Connection store={store} />
      <Content store={store} />
      <LiveRegion />
    </>
  );
}

function Connection({ store }: { store: Store }) {
  const { state, message } = store.connection.value;
  const restricted = store.setup.value !== null && !store.trusted.value;
  return (
    <>
      {state === 'disconnected' ? (
        <Banner tone="warning">
          {`The engine is not connected, so what is shown may be old. ${message ?? ''}`.trim()}
        </Banner>
      ) : null}
      {restricted ? <Banner tone="neutral">Restricted Mode: runs can be viewed, not started or steered.</Banner> : null}
    </>
  );
}

function Content({ store }: { store: Store }) {
  const problem = store.problem.value;
  const view = store.view.value;
  if (problem)
    return (
      <Failure title={problem.message} remedy={problem.remedy} place={placeText(problem.place)}>
        <Button icon="refresh" onClick={store.begin}>
          Try Again
        </Button>
        <Button icon="output" onClick={() => store.act('log')}>
          Open Log
        </Button>
      </Failure>
    );
  if (!view) {
    const connecting = store.connection.value.state === 'connecting';
    return <Loading text={connecting ? 'Connecting to the engine…' : 'Reading the run…'} />;
  }
  return (
    <>
      <Header store={store} />
      <Body store={store} />
    </>
  );
}

function placeText({ file, line, key }: { file?: string; line?: number; key?: string }): string | undefined {
  const where = file === undefined ? undefined : line === undefined ? file : `${file}:${line}`;
  return [where, key].filter((part) => part !== undefined).join(', ') || undefined;
}

function Body({ store }: { store: Store }) {
  const view = store.view.value!;
  const charts = useMemo(() => openCharts(store), [store]);
  const tab = store.choice<string>('tab', 'health');
  const selected = tabIds.find((id) => id === tab.value) ?? 'health';
  const findings = view.health.length;
  const tabs: Tab<TabId>[] = [
    { id: 'health', label: 'Health', icon: 'pulse', note: findings > 0 ? String(findings) : undefined },
    { id: 'reward', label: 'Reward', icon: 'graph-line' },
    { id: 'rollouts', label: 'Rollouts', icon: 'play-circle' },
    { id: 'gradients', label: 'Gradients', icon: 'flame' },
    { id: 'drift', label: 'Manifold drift', icon: 'compass' },
    { id: 'checkpoints', label: 'Checkpoints', icon: 'save' },
    { id: 'run', label: 'Run', icon: 'info' },
  ];
  return (
    <main>
      <Tabs
        group="dashboard"
        label="Views of the run"
        tabs={tabs}
        selected={selected}
        onSelect={(id) => (tab.value = id)}
      />
      <TabPanel group="dashboard" id={selected} key={selected}>
        {content(selected, store, charts)}
      </TabPanel>
    </main>
  );
}

function content(tab: TabId, store: Store, charts: RunCharts): ComponentChildren {
  const begun = store.view.value!.series.first.length > 0;
  if (tab === 'health') return <HealthTab store={store} onShow={(to, chart) => show(store, to, chart)} />;
  if (tab === 'rollouts') return <RolloutsTab store={store} />;
  if (tab === 'checkpoints') return <CheckpointsTab store={store} />;
  if (tab === 'run') return <RunTab store={store} charts={charts} />;
  if (!begun) return <NotYet store={store} />;
  if (tab === 'reward') return <RewardTab store={store} charts={charts} />;
  return tab === 'gradients' ? (
    <GradientsTab store={store} charts={charts} />
  ) : (
    <DriftTab store={store} charts={charts} />
  );
}

/** Goes to a tab, and in it to a chart. */
function show(store: Store, tab: TabId, chart: string | null): void {
  store.choice<string>('tab', 'health').value = tab;
  requestAnimationFrame(() => {
    const target = document.getElementById(chart === null ? `dashboard-tab-${tab}` : `chart-${chart}`);
    target?.scrollIntoView({ block: 'start' });
    target?.focus({ preventScroll: true });
  });
}

/** Instead of charts, before the first iteration: what happens now. */
export function NotYet({ store }: { store: Store }) {
  const status = statusOf(store.view.value, store.summary.value);
  if (isLive(status))
    return (
      <Empty icon="hourglass" title="The first iteration is being trained">
        The model is loaded, the pre-trained policy is evaluated, then the first rollouts are made. Charts fill from the
        first iteration on.
      </Empty>
    );
  return (
    <Empty icon="graph-line" title="No iteration was completed">
      The run ended before its first iteration was done. Its log says why.
    </Empty>
  );
}
