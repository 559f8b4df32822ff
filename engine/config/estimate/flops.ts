import { countAdapter, type Network, type Stream, type TokenCounts } from './layers.ts';

/** Floating-point operations (an addition and a multiplication are two) of one sample. */
export interface ForwardFlops {
  /** Of the layers with weights. */
  linear: number;
  /** Of products of queries with keys and of their weights with values. */
  attention: number;
  /** Of low-rank adapters beside the layers. */
  adapter: number;
}

/** One evaluation of a network: `2·weights` a position, and `4·queries·keys·width` for each layer of attention. */
export function forwardFlops(network: Network, tokens: TokenCounts, rank: number | null): ForwardFlops {
  const linear = network.layers.reduce((sum, { repeats, weights, on }) => sum + 2 * repeats * weights * tokens[on], 0);
  const count = (streams: readonly Stream[]) => streams.reduce((sum, stream) => sum + tokens[stream], 0);
  const attention = network.attention.reduce(
    (sum, { repeats, queries, keys, width }) => sum + 4 * repeats * count(queries) * count(keys) * width,
    0,
  );
  const adapter =
    rank === null
      ? 0
      : network.layers.reduce((sum, layer) => sum + 2 * countAdapter([layer], rank) * tokens[layer.on], 0);
  return { linear, attention, adapter };
}

export function totalFlops({ linear, attention, adapter }: ForwardFlops): number {
  return linear + attention + adapter;
}

/**
 * A forward and backward pass. The backward pass takes as much as the forward pass for the gradient of the inputs and as
 * much again for that of the weights, which frozen layers do without; attention has two inputs, so it always takes both.
 * With activation checkpointing the blocks' forward pass is done twice.
 */
export function trainingFlops(
  { linear, attention, adapter }: ForwardFlops,
  options: { frozen: boolean; recomputed: boolean },
): number {
  const forwards = options.recomputed ? 2 : 1;
  return forwards * (linear + attention + adapter) + (options.frozen ? 1 : 2) * linear + 2 * (attention + adapter);
}
