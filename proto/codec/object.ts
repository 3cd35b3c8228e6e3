/** How deep messages may nest, as in the protobuf of other languages. */
export const MAX_DEPTH = 100;

/** An object whose keys are field names or map keys. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Sets a key that came from outside. `__proto__` becomes a plain key too. */
export function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

/** Full name of the type that an `Any` holds. */
export function typeOfUrl(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
