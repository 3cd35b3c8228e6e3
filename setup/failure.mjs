/**
 * What a person can mend: its message is one sentence that says what is wrong and what to do.
 * The entry point prints it without a stack and exits with 1.
 */
export class SetupFailure extends Error {
  /**
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(message, options) {
    super(message, options);
    this.name = 'SetupFailure';
  }
}

/** The way that needs neither Node, Python nor an Envoy binary on this machine. */
export const composeWay = 'docker compose -f compose/demo.yaml up';

/** @type {readonly (readonly [RegExp, string])[]} */
const reasons = [
  [/ENOSPC|No space left on device/i, 'the disk is full: free some space'],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|NewConnectionError|ConnectTimeoutError|Temporary failure in name resolution|Max retries exceeded|network is unreachable/i,
    'the package registry cannot be reached: check the network and the proxy settings',
  ],
  [
    /CERT_|SELF_SIGNED|UNABLE_TO_|CERTIFICATE_VERIFY_FAILED/i,
    "the package registry's certificate is not trusted: make the proxy's authority known (NODE_EXTRA_CA_CERTS for npm, PIP_CERT for pip)",
  ],
  [/in sync/, 'package.json and package-lock.json disagree: make the lock anew with "node setup/run.mjs lock"'],
  [/EINTEGRITY|checksum failed/i, 'what was downloaded is damaged or altered: check the registry mirror in use'],
  [
    /\bE404\b|404 Not Found|ETARGET|No matching (version|distribution)/i,
    'the package registry in use does not have it: check the mirror settings',
  ],
  [/\bE40[13]\b|40[13] (Unauthorized|Forbidden)/i, 'the package registry refused: check its credentials'],
  [/EACCES|EPERM|EROFS|Permission denied|Read-only file system/i, 'the folder cannot be written: check who owns it'],
];

/**
 * One sentence for a command or a file operation that failed.
 *
 * @param {string} what what was being done, as the sentence's start
 * @param {string} output what the command printed, or an error's message
 * @returns {SetupFailure}
 */
export function explain(what, output) {
  for (const [pattern, reason] of reasons) {
    if (pattern.test(output)) return new SetupFailure(`${what} failed because ${reason}, then run the command again.`);
  }
  const lines = output
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !/complete log of this run|npm help|^npm error$/.test(line));
  const last = lines.findLast?.(line => /error/i.test(line)) ?? lines[lines.length - 1] ?? 'it said nothing';
  return new SetupFailure(`${what} failed: ${last}`);
}
