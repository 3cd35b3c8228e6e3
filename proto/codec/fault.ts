/** What is wrong with a message, and where; the place grows from the inside out while the error travels up. */
export class MessageFault extends Error {
  override readonly name = 'MessageFault';
  readonly reason: string;
  #path = '';

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.reason = reason;
  }

  /** Such as `load_assignment.endpoints[2].priority`; empty for the message itself. */
  get path(): string {
    return this.#path;
  }

  /** Puts a field name, `[index]` or `["key"]` in front of the path. */
  inside(segment: string): this {
    const joint = this.#path === '' || this.#path.startsWith('[') ? '' : '.';
    this.#path = segment + joint + this.#path;
    return this;
  }
}

/** The error as a fault that says it happened inside `segment`. */
export function located(error: unknown, segment: string): MessageFault {
  if (error instanceof MessageFault) return error.inside(segment);
  return new MessageFault(error instanceof Error ? error.message : String(error), { cause: error }).inside(segment);
}

/** A fault that says what was expected. Names the kind of what was found, never the value, which may be secret. */
export function expected(what: string, found: unknown): MessageFault {
  return new MessageFault(`expected ${what}, got ${kindOf(found)}`);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
