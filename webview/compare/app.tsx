import { useMemo } from 'preact/hooks';
import { statusLooks } from '../dashboard/status.ts';
import { Badge, Banner, Button, Failure, LiveRegion, Loading, TabPanel, Tabs } from '../ui/index.ts';
import { Curves } from './curves.tsx';
import { looksOf, type RunLook } from './looks.ts';
import { RunName } from './mark.tsx';
import type { Compared, CompareStore } from './store.ts';
import { ConfigDifferences, EvaluationTable } from './tables.tsx';
import { Videos } from './videos.tsx';

/** Several runs side by side. */
export function App({ store }: { store: CompareStore }) {
  const { state, message } = store.connection.value;
  const problem = store.problem.value;
  const compared = store.compared.value;
  return (
    <>
      {state === 'disconnected' && (
        <Banner tone="warning">
          {`The engine is not connected, so what is shown may be old. ${message ?? ''}`.trim()}
        </Banner>
      )}
      {problem && compared && (
        <Banner tone="bad">{`${problem.message} ${problem.remedy} What is shown is from before.`}</Banner>
      )}
      {compared ? (
        <Runs store={store} compared={compared} />
      ) : problem ? (
        <Failure title={problem.message} remedy={problem.remedy} place={problem.place.file}>
          <Button icon="refresh" onClick={store.begin}>
            Try Again
          </Button>
        </Failure>
      ) : (
        <Loading text={state === 'connecting' ? 'Connecting to the engine…' : 'Reading the runs…'} />
      )}
      <LiveRegion />
    </>
  );
}

const tabs = [
  { id: 'curves', label: 'Curves', icon: 'graph-line' },
  { id: 'evaluation', label: 'Evaluation', icon: 'checklist' },
  { id: 'config', label: 'Config', icon: 'settings' },
  { id: 'videos', label: 'Videos', icon: 'play-circle' },
] as const;

function Runs({ store, compared }: { store: CompareStore; compared: Compared }) {
  const { comparison, series } = compared;
  const looks = useMemo(() => looksOf(comparison.runs.map(({ id }) => id)), [comparison]);
  const runs = useMemo(() => ({ looks, series, evaluations: comparison.evaluations }), [compared]);
  const tab = store.choice<string>('tab', 'curves');
  const selected = tabs.find(({ id }) => id === tab.value)?.id ?? 'curves';
  const differing = comparison.differences.length;
  return (
    <>
      <header class="compare-head">
        <h1>{`Comparison of ${looks.length} ${looks.length === 1 ? 'run' : 'runs'}`}</h1>
        <ul>
          {comparison.runs.map((run, i) => (
            <RunLine key={run.id} store={store} look={looks[i]} run={run} />
          ))}
        </ul>
      </header>
      <main>
        <Tabs
          group="compare"
          label="Views of the comparison"
          tabs={tabs.map((each) => (each.id === 'config' ? { ...each, note: String(differing) } : each))}
          selected={selected}
          onSelect={(id) => (tab.value = id)}
        />
        <TabPanel group="compare" id={selected} key={selected}>
          {selected === 'curves' && <Curves store={store} runs={runs} />}
          {selected === 'evaluation' && <EvaluationTable store={store} comparison={comparison} looks={looks} />}
          {selected === 'config' && <ConfigDifferences store={store} comparison={comparison} looks={looks} />}
          {selected === 'videos' && <Videos store={store} looks={looks} />}
        </TabPanel>
      </main>
    </>
  );
}

function RunLine(props: { store: CompareStore; look: RunLook; run: Compared['comparison']['runs'][number] }) {
  const { store, look, run } = props;
  const { icon, tone, word } = statusLooks[run.status];
  const planned = run.iterationsPlanned === null ? '' : ` of ${run.iterationsPlanned}`;
  return (
    <li>
      <RunName look={look} />
      <Badge icon={icon} tone={tone}>
        {word}
      </Badge>
      <span class="compare-note">{`iteration ${run.iterations}${planned}`}</span>
      <Button kind="plain" icon="dashboard" onClick={() => store.openDashboard(run.id)}>
        Open Dashboard
      </Button>
    </li>
  );
}
