/**
 * @param {string} text such as `v24.11.0`, `24.11` or `26.0.0-nightly`
 * @returns {readonly [number, number, number] | undefined}
 */
function parseVersion(text) {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text.trim());
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
}

/**
 * @param {readonly [number, number, number]} a
 * @param {readonly [number, number, number]} b
 */
function compare(a, b) {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/**
 * Whether a version is within a range made of `^x.y.z` and `>=x.y.z` parts joined by `||`, which is all that
 * `engines` in package.json uses. A part of another form is never satisfied.
 *
 * @param {string} version
 * @param {string} range
 */
export function satisfies(version, range) {
  const have = parseVersion(version);
  if (have === undefined) return false;
  return range.split('||').some(part => {
    const match = /^(\^|>=)\s*(\d.*)$/.exec(part.trim());
    const least = match?.[2] === undefined ? undefined : parseVersion(match[2]);
    if (match === null || least === undefined || compare(have, least) < 0) return false;
    return match[1] === '>=' || have[0] === least[0];
  });
}

/**
 * Whether a version is at least another's major and minor.
 *
 * @param {string} version
 * @param {string} least
 */
export function atLeastMinor(version, least) {
  const have = parseVersion(version);
  const need = parseVersion(least);
  if (have === undefined || need === undefined) return false;
  return compare(have, [need[0], need[1], 0]) >= 0;
}
