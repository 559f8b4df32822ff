import { healthCodes, type HealthFinding } from '../../engine/protocol.ts';
import { iterationsText } from '../charts/index.ts';
import { Badge, Button, Empty } from '../ui/index.ts';
import type { TabId } from './app.tsx';
import { configValue, valueText } from './config-values.ts';
import { checks, shownBy } from './checks.ts';
import type { Store } from './store.ts';

/** What is wrong with the run, or may be, and what to do about it. */
export function HealthTab({ store, onShow }: { store: Store; onShow: (tab: TabId, chart: string | null) => void }) {
  const { health, series } = store.view.value!;
  const done = series.last.at(-1) ?? 0;
  if (health.length === 0)
    return (
      <Empty icon="pass" title={done === 0 ? 'Nothing to check yet' : 'No problems found'}>
        <p>
          {done === 0
            ? 'After each iteration these are looked for:'
            : `In ${iterationsText(1, done)} these were looked for:`}
        </p>
        <ul class="health-checks">
          {healthCodes.map((code) => (
            <li key={code}>{checks[code].looksFor}</li>
          ))}
        </ul>
      </Empty>
    );
  const absent = healthCodes.filter((code) => !health.some((finding) => finding.code === code));
  return (
    <>
      <ul class="health">
        {health.map((finding) => (
          <Finding
            key={`${finding.code} ${finding.first} ${finding.steps.join()}`}
            finding={finding}
            store={store}
            onShow={onShow}
          />
        ))}
      </ul>
      {absent.length > 0 ? (
        <details class="health-rest">
          <summary>{`Looked for and not found: ${absent.length} of ${healthCodes.length}`}</summary>
          <ul class="health-checks">
            {absent.map((code) => (
              <li key={code}>{checks[code].looksFor}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </>
  );
}

function Finding(props: { finding: HealthFinding; store: Store; onShow: (tab: TabId, chart: string | null) => void }) {
  const { finding, store, onShow } = props;
  const { code, severity, title, evidence, why, remedy, key, first, last, steps } = finding;
  const { tab, chart, shows } = shownBy(code, Object.keys(store.view.value?.series.scalars ?? {}), finding.title);
  const config = store.summary.value?.config;
  const where = steps.length === 0 ? '' : `, ${steps.length === 1 ? 'step' : 'steps'} ${steps.join(', ')}`;
  return (
    <li class={`health-finding health-${severity}`}>
      <div class="health-head">
        <Badge icon={severity === 'problem' ? 'error' : 'warning'} tone={severity === 'problem' ? 'bad' : 'warning'}>
          {severity === 'problem' ? 'Problem' : 'Warning'}
        </Badge>
        <span class="health-where">{`${iterationsText(first, last)}${where}`}</span>
      </div>
      <h2>{title}</h2>
      <p class="health-evidence">{evidence}</p>
      <dl>
        <dt>Why it matters</dt>
        <dd>{why}</dd>
        <dt>What to try</dt>
        <dd>
          {remedy}
          {key !== null && config ? (
            <span class="ui-code health-key">{`${key}: ${valueText(configValue(config, key))}`}</span>
          ) : null}
        </dd>
      </dl>
      <Button icon="graph-line" onClick={() => onShow(tab, chart)}>{`Show ${shows}`}</Button>
    </li>
  );
}
