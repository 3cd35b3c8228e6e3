import type { AnyMessage } from '../../../proto/codec.ts';
import type { HttpListenerIr, WeightedClusterIr } from '../../ir/ir.ts';

/** Every HTTP filter that we write. A name without its place in the table of `index.ts` does not compile. */
export type HttpFilterName = 'health_check' | 'adaptive_concurrency' | 'stateful_session' | 'router';

/** Writes one HTTP filter of a listener. */
export interface HttpFilterWriter<Name extends HttpFilterName = HttpFilterName> {
  readonly name: Name;
  /** Its configuration; undefined where the listener does not need the filter. */
  config(listener: HttpListenerIr): AnyMessage | undefined;
  /**
   * What it does for requests to a destination; undefined where that does not ask for it. A filter that has this stands
   * in every chain, disabled, so that the first rule that uses it leaves the listener, and its connections, alone.
   */
  forDestination?(to: WeightedClusterIr): AnyMessage | undefined;
}
