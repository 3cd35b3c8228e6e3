import { type Meters, makeMeters } from './admin/meters.ts';
import type { Pipeline } from './control/pipeline.ts';
import { Propagation } from './fleet/propagation.ts';
import type { Board } from './snapshot/board.ts';
import type { XdsEvent } from './xds/events.ts';

export interface WatchedPropagation {
  readonly meters: Meters;
  readonly propagation: Propagation;
  /** The same stages, measured. */
  readonly pipeline: Pipeline;
  /** Is told of every event of the xDS service. */
  see(event: XdsEvent): void;
  /** Milliseconds from a change to this acknowledgement by a proxy of a fleet, if it is the first of the newest. */
  latency(event: Extract<XdsEvent, { readonly kind: 'acked' }>, fleet: string): number | undefined;
}

/** Measures how long changes take: to build, and to reach proxies. */
export function watchPropagation(board: Board, stages: Pipeline): WatchedPropagation {
  const meters = makeMeters();
  const propagation = new Propagation();
  let trigger = performance.now();
  board.subscribe(() => propagation.published(board.current?.snapshots ?? new Map(), trigger, performance.now()));
  return {
    meters,
    propagation,
    pipeline: {
      ...stages,
      build: (input, previous) => {
        trigger = performance.now();
        const outcome = stages.build(input, previous);
        meters.build.observe({ outcome: outcome.kind }, (performance.now() - trigger) / 1000);
        return outcome;
      },
    },
    see: event => {
      if (event.kind === 'identified') propagation.connected(event.clientId, performance.now());
      else if (event.kind === 'closed') propagation.gone(event.clientId);
    },
    latency: ({ clientId, typeUrl, version, part }, fleet) => {
      if (part) return undefined;
      const ms = propagation.acked({ clientId, fleet, typeUrl, version }, performance.now());
      if (ms !== undefined) meters.push.observe({ fleet }, ms / 1000);
      return ms;
    },
  };
}
