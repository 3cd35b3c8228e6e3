/** What is part of the name of a field, header, cookie or variable whose value is taken for a secret. */
export const secretPart =
  'secret|passw(?:or)?d|passphrase|pwd|token|authorization|[-_ ]auth(?![a-z])|auth[-_ ]?key|bearer|' +
  '(?:api|private|access|signing|session|shared|encryption|account)[-_ ]?key|credential|cookie|inline_string|inline_bytes|' +
  'hmac|signature';

const secretName = new RegExp(`^[\\w. -]*(?:${secretPart})[\\w. -]*$`, 'i');

/** Fields that name a header or a variable of which another field beside them has the value. */
const naming = ['key', 'name', 'header', 'headerName', 'header_name'];
/** Fields that have such a value, or what it is compared with. */
const valued = /^(?:(?:raw_?)?values?|exact|equals|is|prefix|suffix|contains|regex|(?:string|exact)_?match|set|add)$/i;

/** Parts of a policy whose values let callers in, whatever they are called: `maintenance.except.headers`, `healthCheck.grpc.metadata`. */
const secretPlaces: Readonly<Record<string, string>> = { except: 'headers', grpc: 'metadata' };

/** Words of our own answers that hold no secret although they are named so. */
export const harmless = /^(?:true|false|null|undefined|\d{1,6}|\[removed\]|"\[removed\]"|"")$/i;

export type Path = readonly (string | number)[];

/** Where in a value secrets stand, by the names of their fields. Each is a text or a number. */
export function secretPaths(value: unknown): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => below(index, secretPaths(each)));
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const named = entries.some(
    ([key, name]) => naming.includes(key) && typeof name === 'string' && secretName.test(name),
  );
  return entries.flatMap(([key, each]) => {
    if (named && valued.test(key)) return below(key, leaves(each));
    const place = secretPlaces[key];
    const inPlace = place !== undefined && isRecord(each) ? below(key, below(place, leaves(get(each, place)))) : [];
    if (!secretName.test(key)) return [...inPlace, ...below(key, secretPaths(each))];
    return below(key, isRecord(each) ? [...secretPaths(each), ...valuesOf(each)] : leaves(each));
  });
}

const get = (of: object, key: string): unknown => Object.entries(of).find(([name]) => name === key)?.[1];

const below = (step: string | number, paths: readonly Path[]): readonly Path[] => paths.map(path => [step, ...path]);

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of a map that is named as a secret: not what it says of it beside. */
const valuesOf = (map: object): readonly Path[] =>
  Object.entries(map).flatMap(([key, each]) => (valued.test(key) ? below(key, leaves(each)) : []));

/** All of a value. */
function leaves(value: unknown): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => below(index, leaves(each)));
  if (isRecord(value)) return Object.entries(value).flatMap(([key, each]) => below(key, leaves(each)));
  return value === undefined || harmless.test(String(value)) || value === '' ? [] : [[]];
}
