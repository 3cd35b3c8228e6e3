/** Every nonce has as many ASCII characters, so that all streams' responses have the same length. */
export const NONCE_LENGTH = 16;

const PREFIX_LENGTH = NONCE_LENGTH - 8;

/**
 * Start of the nonces of one type on one stream (R6). Neither another type of the stream (R13) nor another stream of
 * this process, nor one of an earlier process with another salt, has the same.
 *
 * @param salt chosen once per process; @param typeIndex below 256.
 */
export function noncePrefix(salt: number, streamId: number, typeIndex: number): string {
  const stream = ((salt + streamId) % 0x1000000).toString(16).padStart(6, '0');
  return stream + (typeIndex % 0x100).toString(16).padStart(2, '0');
}

/** The nonce of the `count`th response. */
export function nonceOf(prefix: string, count: number): string {
  return prefix.padStart(PREFIX_LENGTH, '0') + (count % 0x100000000).toString(16).padStart(8, '0');
}
