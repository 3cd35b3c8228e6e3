/**
 * Names of the form `xdstp://authority/type/path?key=value`. Two spellings of one name have one canonical form: decoded
 * and encoded again, parameters in the order of their keys (R43). Other names are taken as they stand.
 */

const scheme = 'xdstp://';

/** The form in which names are compared. A name that cannot be decoded is its own. */
export function canonicalName(name: string): string {
  if (!name.startsWith(scheme)) return name;
  try {
    return canonical(name);
  } catch {
    return name;
  }
}

/** True for a name that stands for all that lie directly below its path (R44). */
export function isGlob(name: string): boolean {
  return name.startsWith(scheme) && pathOf(name).endsWith('/*');
}

/** The glob of which a canonical name is a member; undefined for names of the other form. */
export function globAround(name: string): string | undefined {
  if (!name.startsWith(scheme)) return undefined;
  const path = pathOf(name);
  const cut = path.lastIndexOf('/');
  return `${path.slice(0, cut)}/*${name.slice(path.length)}`;
}

function pathOf(name: string): string {
  const end = name.search(/[?#]/);
  return end < 0 ? name : name.slice(0, end);
}

function canonical(name: string): string {
  const path = pathOf(name);
  const [rest = '', ...fragment] = name.slice(path.length).split('#');
  const [authority = '', ...segments] = path.slice(scheme.length).split('/');
  const parts = segments.map(segment => encoded(decodeURIComponent(segment), pathSigns));
  const head = [encoded(decodeURIComponent(authority), authoritySigns), ...parts].join('/');
  const params = rest
    .replace(/^\?/, '')
    .split('&')
    .filter(pair => pair !== '')
    .map(pair => {
      const at = pair.indexOf('=');
      const [key, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [decodeURIComponent(key), decodeURIComponent(value)] as const;
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${encoded(key, paramSigns)}=${encoded(value, paramSigns)}`);
  const query = params.length > 0 ? `?${params.join('&')}` : '';
  return `${scheme}${head}${query}${fragment.length > 0 ? `#${fragment.join('#')}` : ''}`;
}

/** What must not stand as it is in each part, beside what is not printable. */
const authoritySigns = /[%/?#]|[^ -}]/gu;
const pathSigns = /[%:/?#[\]]|[^ -}]/gu;
const paramSigns = /[%#[\]&=]|[^ -}]/gu;

function encoded(text: string, signs: RegExp): string {
  return text.replace(signs, sign =>
    [...new TextEncoder().encode(sign)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
