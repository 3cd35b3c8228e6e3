/** What a client is told of a fault of ours, which must neither reach other clients nor end the process. */
export function faultWords(error: unknown): string {
  return `a fault of the control plane: ${error instanceof Error ? error.message : String(error)}`;
}
