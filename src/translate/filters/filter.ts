import type { AnyMessage } from '../../../proto/codec.ts';
import type { ListenerIr } from '../../ir/ir.ts';

/** Every HTTP filter that we write. A name without its place in the table of `index.ts` does not compile. */
export type HttpFilterName = 'router';

/** What a filter may depend on. */
export interface HttpFilterContext {
  readonly role: ListenerIr['role'];
}

/** Writes one HTTP filter of a listener. */
export interface HttpFilterWriter<Name extends HttpFilterName = HttpFilterName> {
  readonly name: Name;
  /** Its configuration; undefined where the listener does not need the filter. */
  config(context: HttpFilterContext): AnyMessage | undefined;
}
