import { isAlias, isScalar, parseAllDocuments } from 'yaml';
import { harmless, type Path, secretPart, secretPaths } from './secret-paths.ts';

/** What stands in the place of a secret. */
const removed = '[removed]';

const name = `(?:[\\w.-]*(?:${secretPart})[\\w.-]*)`;
const spaced = `(?:[\\w. -]*(?:${secretPart})[\\w. -]*)`;
const quoted = `"${spaced}"|'${spaced}'|\\\\+"${spaced}\\\\+"`;
const quotedOrPlain = `(?:${quoted}|${name})`;
/** With some words before and after: so much may stand in a line before its colon. */
const words = `(?:${quoted}|(?:[\\w.-]+ ){0,3}${name}(?: [\\w.-]+){0,3})`;
const quotedValue = `"(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\n]|'')*'|\\\\+"[^"\\n]*"`;

/** `name: value` as a line of its own: all of the line. */
const line = new RegExp(`^([ \\t]*(?:- )?${words}[ \\t]*:[ \\t]+)(${quotedValue}|[^\\s"'{\\[|>&*!#][^\\n]*)`, 'gim');
/** `name: value`, `"name": "value"`, `name=value`: up to what ends the value; of `authorization` with its second word. */
const assigned = new RegExp(
  `((?:^|[\\s{,"'&?\\\\])${quotedOrPlain}\\s*[:=]\\s*)(${quotedValue}|[^\\s,{}\\[\\]"'&]+)`,
  'gim',
);
const withScheme = /((?:^|[\s{,"'])["']?[\w-]*authorization["']?\s*[:=]\s*["']?)[\w-]+ +[^\s,{}"']+/gim;
/** `token: |` and the indented lines below it. */
const blockOf = new RegExp(`^([ \\t]*(?:- )?${words}:[ \\t]*[|>][-+0-9]*)[ \\t]*\\n(?:[ \\t]+.*\\n?|\\n)+`, 'gim');
const pem = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g;
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;
const webToken = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;
const ownToken = /switchyard_[0-9a-f]{12}_[\w-]+/g;
const userInfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;

/**
 * A text without what looks like a secret: private keys, tokens, passwords, credentials in URLs, values of fields and
 * headers that are named so, and what is known to be one. JSON and YAML are understood, also within texts of JSON.
 */
export function redacted(text: string, known: readonly string[] = []): string {
  const json = jsonOf(text);
  if (json !== undefined) return redactedJson(text, json, known, 2);
  const lines =
    text.includes('\n{') || text.startsWith('{')
      ? text
          .split('\n')
          .map(each => ofLog(each, known))
          .join('\n')
      : text;
  return plainly(redactedYaml(lines), known);
}

/** A line of a log. */
function ofLog(each: string, known: readonly string[]): string {
  const json = each.startsWith('{') ? jsonOf(each) : undefined;
  return json === undefined ? each : redactedJson(each, json, known);
}

function jsonOf(text: string): object | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

/** What has nothing to be removed stays as it is written. */
function redactedJson(text: string, json: object, known: readonly string[], indent?: number): string {
  const before = JSON.stringify(json);
  const clean = textsCleaned(json, known);
  for (const path of secretPaths(clean)) put(clean, path);
  const after = JSON.stringify(clean);
  return after === before
    ? text
    : `${indent === undefined ? after : JSON.stringify(clean, undefined, indent)}${text.endsWith('\n') ? '\n' : ''}`;
}

function textsCleaned(json: object, known: readonly string[]): object {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) =>
    typeof value !== 'string' ? value : value.includes('\n') ? redacted(value, known) : plainly(value, known),
  ) as object;
}

function put(root: object, path: Path): void {
  const holder = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], root);
  const last = path.at(-1);
  if (last !== undefined) (holder as Record<string, unknown>)[last] = removed;
}

/** What cannot be read stays for {@link plainly}. */
function redactedYaml(text: string): string {
  if (!/^[\s\S]*?:(?:\s|$)/.test(text)) return text;
  const places = placesIn(text).toSorted((a, b) => b.from - a.from);
  return places.reduce(
    (clean, { from, to }) =>
      `${clean.slice(0, from)}"${removed}"${clean[to - 1] === '\n' ? '\n' : ''}${clean.slice(to)}`,
    text,
  );
}

interface Place {
  readonly from: number;
  readonly to: number;
}

function placesIn(text: string): readonly Place[] {
  try {
    const documents = parseAllDocuments(text, { logLevel: 'silent' });
    const found = [...documents].flatMap(document => {
      if (document.errors.length > 0) return [];
      return secretPaths(document.toJS()).flatMap(path => {
        const node: unknown = document.getIn(path, true);
        const scalar = isAlias(node) ? node.resolve(document) : node;
        const range = isScalar(scalar) ? scalar.range : undefined;
        return range ? [{ from: range[0], to: range[1] }] : [];
      });
    });
    // An anchor is met as often as it is used.
    return [...new Map(found.map(each => [each.from, each])).values()];
  } catch {
    return [];
  }
}

/** By what it looks like, line by line. */
function plainly(text: string, known: readonly string[]): string {
  let clean = text.replace(pem, removed).replace(blockOf, `$1\n${removed}\n`);
  for (const secret of known) if (secret.length >= 8) clean = clean.replaceAll(secret, removed);
  const value = (whole: string, before: string, found: string) => {
    if (harmless.test(found.trim())) return whole;
    return /^["']/.test(found) ? `${before}"${removed}"` : `${before}${removed}`;
  };
  return clean
    .replace(bearer, `$1 ${removed}`)
    .replace(webToken, removed)
    .replace(ownToken, removed)
    .replace(userInfo, `$1${removed}@`)
    .replace(withScheme, `$1${removed}`)
    .replace(line, value)
    .replace(assigned, value);
}
