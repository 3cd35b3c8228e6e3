/**
 * Says, inside an end-to-end test, which fields of the policy it shows by their effect on real traffic:
 * `covers('services.*.endpoints[].weight')`, where `*` stands for a name and `[]` for an element of a list.
 *
 * The names are collected from the sources, so that the check for forgotten fields needs no Envoy; they must therefore
 * be plain texts in single quotes. A test that fails or is skipped says so itself, so nothing is recorded at run time.
 */
export function covers(..._fields: readonly [string, ...string[]]): void {}

/** One field that a test says it shows. */
export interface CoveredField {
  readonly field: string;
  /** Line of the call. */
  readonly line: number;
}

/** The fields named by the calls of {@link covers} in a source. @throws Error for a call that is not made of plain texts. */
export function coveredFields(source: string): readonly CoveredField[] {
  return [...source.matchAll(/\bcovers\(([^)]*)\)/g)].flatMap(call => {
    const line = source.slice(0, call.index).split('\n').length;
    const given = call[1] ?? '';
    const rest = given.replaceAll(/'[^'\n]*'/g, '').replaceAll(/[\s,]/g, '');
    if (rest !== '') throw new Error(`line ${line}: covers(…) takes texts in single quotes only, not ${rest}`);
    return [...given.matchAll(/'([^'\n]*)'/g)].map(([, field = '']) => ({ field, line }));
  });
}
