import type protobuf from 'protobufjs';
import { MessageFault } from './fault.ts';

/**
 * Reads fields up to `end`. `take` reads the value of a field and says true, or touches nothing and says false, and the
 * field is skipped. Throws when the input is no message or a value reaches beyond `end`.
 */
export function readFields(
  reader: protobuf.Reader,
  end: number,
  take: (number: number, wire: number) => boolean,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    if (number === 0) throw new MessageFault('the input is not a message');
    if (!take(number, tag & 7)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new MessageFault('the input is cut off');
}
