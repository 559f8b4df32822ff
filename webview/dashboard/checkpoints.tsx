import type { CheckpointInfo } from '../../engine/protocol.ts';
import { formatBytes, formatNumber } from '../charts/index.ts';
import { Badge, DataTable, Empty, IconButton, type Column } from '../ui/index.ts';
import { obstacle, statusOf } from './status.ts';
import type { Store } from './store.ts';

/** What the run can be resumed from. */
export function CheckpointsTab({ store }: { store: Store }) {
  const { checkpoints } = store.view.value!;
  if (checkpoints.length === 0)
    return (
      <Empty icon="save" title="No checkpoint yet">
        Checkpoints are saved as the config says (checkpoints.every), when a run is stopped, and by Checkpoint Now.
      </Empty>
    );
  const best = Math.max(...checkpoints.map(({ reward }) => reward ?? -Infinity));
  const columns: Column<CheckpointInfo>[] = [
    {
      id: 'iteration',
      label: 'Iteration',
      numeric: true,
      sortBy: ({ iteration }) => iteration,
      cell: ({ iteration }) => iteration,
    },
    {
      id: 'reward',
      label: 'Reward',
      numeric: true,
      sortBy: ({ reward }) => reward,
      cell: ({ reward }) => (
        <>
          {reward !== null && reward === best && checkpoints.length > 1 ? <Badge icon="star-full">Best</Badge> : null}{' '}
          {formatNumber(reward)}
        </>
      ),
    },
    {
      id: 'bytes',
      label: 'Size',
      numeric: true,
      sortBy: ({ bytes }) => bytes,
      cell: ({ bytes }) => formatBytes(bytes),
    },
    {
      id: 'valid',
      label: 'State',
      sortBy: ({ valid, reason }) => (valid ? 'valid' : `not ${reason}`),
      cell: ({ valid, reason }) => (
        <>
          <Badge icon={valid ? 'pass' : 'error'} tone={valid ? 'good' : 'bad'}>
            {valid ? 'Valid' : 'Not valid'}
          </Badge>
          {reason ? <span class="checkpoint-reason">{reason}</span> : null}
        </>
      ),
    },
    { id: 'actions', label: 'Actions', cell: (checkpoint) => <Actions store={store} checkpoint={checkpoint} /> },
  ];
  return (
    <DataTable
      caption="Checkpoints"
      hideCaption
      columns={columns}
      rows={checkpoints}
      rowKey={({ iteration }) => iteration}
      order={{ column: 'iteration', descending: true }}
    />
  );
}

function Actions({ store, checkpoint }: { store: Store; checkpoint: CheckpointInfo }) {
  const { iteration, folder, valid } = checkpoint;
  const busy = store.busy.value;
  const why = obstacle('resume', {
    status: statusOf(store.view.value, store.summary.value),
    trusted: store.trusted.value,
    connected: store.connection.value.state === 'connected',
    checkpoints: valid ? 1 : 0,
    from: iteration,
  });
  const label = `Resume from iteration ${iteration}`;
  return (
    <span class="ui-row">
      <IconButton
        icon="debug-restart"
        label={why === null ? label : `${label}: ${why}`}
        busy={busy === 'resume'}
        disabled={why !== null || busy !== null}
        onClick={() => store.act('resume', iteration)}
      />
      <IconButton
        icon="folder-opened"
        label={`Reveal checkpoint ${iteration}`}
        onClick={() => store.act('reveal', iteration)}
      />
      <IconButton icon="copy" label={`Copy path of checkpoint ${iteration}`} onClick={() => store.copy(folder)} />
    </span>
  );
}
