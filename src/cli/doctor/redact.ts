/** What stands in the place of a secret. */
const removed = '[removed]';

/** Names of fields, headers, cookies and variables whose values are taken for secrets. */
const secretName =
  '(?:[\\w.-]*(?:secret|passw(?:or)?d|passphrase|token|authorization|api[-_]?key|private[-_]?key|credential|cookie|inline_string|inline_bytes|hmac)[\\w.-]*)';

/** `name: value`, `"name": "value"`, `name=value`: up to what ends the value. */
const assigned = new RegExp(
  `((?:^|[\\s{,"'&?])(?:"${secretName}"|'${secretName}'|${secretName})\\s*[:=]\\s*)("(?:[^"\\\\\\n]|\\\\.)*"|'[^'\\n]*'|[^\\s,{}\\[\\]"'&]+)`,
  'gim',
);
/** `token: |` and the indented lines below it. */
const blockOf = new RegExp(
  `^([ \\t]*(?:- )?(?:"${secretName}"|${secretName}):[ \\t]*[|>][-+0-9]*)[ \\t]*\\n(?:[ \\t]+.*\\n?|\\n)+`,
  'gim',
);
const pem = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;
/** The same where line breaks are escaped. */
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const webToken = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']+:[^\s/@"']+@/gi;

/** Words of our own answers that hold no secret although they are named so. */
const harmless = /^(?:true|false|null|undefined|\d{1,6}|\[removed\]|"\[removed\]"|"")$/i;

/**
 * A text without what looks like a secret: private keys, tokens, passwords, credentials in URLs, values of fields and
 * headers that are named so, and what is known to be one.
 */
export function redacted(text: string, known: readonly string[] = []): string {
  let clean = text.replace(pem, removed).replace(blockOf, `$1\n${removed}\n`);
  for (const secret of known) if (secret.length >= 8) clean = clean.replaceAll(secret, removed);
  return clean
    .replace(bearer, `$1 ${removed}`)
    .replace(webToken, removed)
    .replace(userInfo, `$1${removed}@`)
    .replace(assigned, (whole, name: string, value: string) => {
      if (harmless.test(value)) return whole;
      return value.startsWith('"') || value.startsWith("'") ? `${name}"${removed}"` : `${name}${removed}`;
    });
}
