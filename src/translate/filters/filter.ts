import type { AnyMessage } from '../../../proto/codec.ts';
import type { HttpListenerIr } from '../../ir/ir.ts';

/** Every HTTP filter that we write. A name without its place in the table of `index.ts` does not compile. */
export type HttpFilterName = 'router';

/** Writes one HTTP filter of a listener. */
export interface HttpFilterWriter<Name extends HttpFilterName = HttpFilterName> {
  readonly name: Name;
  /** Its configuration; undefined where the listener does not need the filter. */
  config(listener: HttpListenerIr): AnyMessage | undefined;
}
