import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { Icon } from './icon.tsx';

export interface Tab<Id extends string> {
  id: Id;
  label: string;
  icon?: string;
  /** A number or word behind the label. */
  note?: string;
}

/** A row of tabs: one stop of the Tab key, arrow keys, Home and End within. Show one `TabPanel` of the same `group`. */
export function Tabs<Id extends string>(props: {
  group: string;
  label: string;
  tabs: readonly Tab<Id>[];
  selected: Id;
  onSelect: (id: Id) => void;
}) {
  const { group, label, tabs, selected, onSelect } = props;
  const row = useRef<HTMLDivElement>(null);
  const at = tabs.findIndex(({ id }) => id === selected);
  const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
  const move = (event: KeyboardEvent) => {
    if (!Object.hasOwn(moves, event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = (moves[event.key] + tabs.length) % tabs.length;
    onSelect(tabs[next].id);
    row.current?.querySelectorAll<HTMLElement>('[role=tab]')[next].focus();
  };
  return (
    <div class="ui-tabs" role="tablist" aria-label={label} ref={row} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          class="ui-tab"
          id={`${group}-tab-${tab.id}`}
          aria-selected={tab.id === selected}
          aria-controls={tab.id === selected ? `${group}-panel-${tab.id}` : undefined}
          tabIndex={tab.id === selected ? 0 : -1}
          onClick={() => onSelect(tab.id)}
        >
          {tab.icon ? <Icon name={tab.icon} /> : null}
          <span>{tab.label}</span>
          {tab.note ? <span class="ui-tab-note">{tab.note}</span> : null}
        </button>
      ))}
    </div>
  );
}

export function TabPanel({ group, id, children }: { group: string; id: string; children: ComponentChildren }) {
  return (
    <div
      class="ui-tab-panel"
      role="tabpanel"
      id={`${group}-panel-${id}`}
      aria-labelledby={`${group}-tab-${id}`}
      tabIndex={0}
    >
      {children}
    </div>
  );
}
