import { checkRegex } from '../policy/check-regex.ts';
import { importLimits } from './statement.ts';

/** What a regular expression comes to in a policy, or why it cannot. */
export type Regex = { readonly regex: string } | { readonly why: string };

/** Regular expressions of an import: each is checked once, and only so many, since a check takes milliseconds. */
export class Regexes {
  readonly #known = new Map<string, Regex>();

  /** What one that is found anywhere comes to where a text is matched as a whole. */
  whole(pattern: string, ignoreCase: boolean): Regex {
    const bare = pattern.includes('|')
      ? `.*(?:${pattern}).*`
      : `${pattern.startsWith('^') ? pattern.slice(1) : `.*${pattern}`}`.replace(/(?<!\\)\$$|$/, end =>
          end === '$' ? '' : '.*',
        );
    return this.checked(`${ignoreCase ? '(?i)' : ''}${bare.replace(/(?<!\\)\.\*\.\*$/, '.*')}`);
  }

  /** One as it is. */
  checked(regex: string): Regex {
    const known = this.#known.get(regex);
    if (known) return known;
    if (regex.length === 0 || regex.length > 1024) return { why: 'a regular expression has 1 to 1024 letters' };
    if (this.#known.size >= importLimits.regexes)
      return { why: `there are more than ${importLimits.regexes} regular expressions` };
    const mistake = checkRegex(regex);
    const made = mistake ? { why: `${mistake.message}; ${mistake.hint}` } : { regex };
    this.#known.set(regex, made);
    return made;
  }
}
