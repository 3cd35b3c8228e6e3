/** When a list of revoked certificates was made, and when the next one is due, read from its DER (RFC 5280, 5.1). */
export interface CrlDates {
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** Undefined if it does not say. */
  readonly to: number | undefined;
}

/** Throws an Error when the bytes are no such list. */
export function crlDates(der: Uint8Array): CrlDates {
  const list = elementsIn(only(elementsIn(der), SEQUENCE));
  const fields = elementsIn(only(list.slice(0, 1), SEQUENCE));
  const dates = fields.filter(({ tag }) => tag === UTC_TIME || tag === GENERALIZED_TIME).map(timeOf);
  const [from, to] = dates;
  if (from === undefined) throw new Error('it has no date');
  return { from, to };
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

function only([element]: readonly Element[], tag: number): Uint8Array {
  if (element?.tag !== tag) throw new Error('it is not DER of this kind');
  return element.content;
}

/** Elements of DER that stand one after the other. */
function elementsIn(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const short = bytes[at + 1] ?? 0;
    const digits = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + digits;
    const length = digits === 0 ? short : bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (digits > 4 || start + length > bytes.length) throw new Error('it is cut off');
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

/** `YYMMDDHHMMSSZ`, of the years 1950 to 2049, or `YYYYMMDDHHMMSSZ`. */
function timeOf({ tag, content }: Element): number {
  const text = String.fromCharCode(...content.subarray(0, 15));
  const year = tag === UTC_TIME ? (text < '5' ? '20' : '19') : '';
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(year + text);
  const at = parts ? Date.parse(`${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new Error('it has a date that is none');
  return at;
}
