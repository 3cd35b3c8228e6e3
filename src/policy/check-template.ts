import { quote } from './document.ts';

const literal = /^[a-zA-Z0-9._~%!$&'()+,;:@-]+$/;
const mostVariables = 5;
const longestName = 16;

/** What is wrong with a template of a path for Envoy's URI template match, with what to do. */
export interface TemplateMistake {
  readonly message: string;
  readonly hint: string;
}

/**
 * Says what is wrong with a template of a path. Segments are literals, `*` (one segment), `**` (any number, empty too),
 * `{name}` (as `*`), `{name=pattern}` (its own segments); the last one may end in a literal: `/**.css`. Nothing that
 * varies may follow `**`, at most five variables, each with a name of its own of at most 16 letters, digits and `_`.
 */
export function checkTemplate(template: string): TemplateMistake | undefined {
  const wrong = (what: string, hint: string) => ({ message: `${quote(template)} ${what}`, hint });
  if (!/^\/[\x21-\x7e]*$/.test(template)) {
    return wrong('is not a path of printable ASCII characters', 'begin with / and percent-encode other characters');
  }
  const reader = new TemplateReader();
  const mistake = reader.read(template.slice(1));
  return mistake && wrong(mistake.message, mistake.hint);
}

const mistake = (message: string, hint: string): TemplateMistake => ({ message, hint });

class TemplateReader {
  readonly #names = new Set<string>();
  #afterAny = false;

  read(template: string): TemplateMistake | undefined {
    let rest = template;
    while (rest !== '') {
      const { length, wrong } = this.#segment(rest);
      if (wrong) return wrong;
      rest = rest.slice(length);
      if (rest === '' || rest === '/') return undefined;
      if (rest.startsWith('/')) rest = rest.slice(1);
      else return suffixMistake(rest);
    }
    return undefined;
  }

  #segment(rest: string): { readonly length: number; readonly wrong?: TemplateMistake | undefined } {
    if (rest.startsWith('*')) {
      const length = rest.startsWith('**') ? 2 : 1;
      return { length, wrong: this.#glob(length === 2) };
    }
    if (rest.startsWith('{')) {
      const end = rest.indexOf('}');
      if (end === -1) return { length: 0, wrong: mistake('has a { without a }', 'close the variable: {name}') };
      return { length: end + 1, wrong: this.#variable(rest.slice(1, end)) };
    }
    const [text = ''] = rest.split('/', 1);
    return { length: text.length, wrong: literalMistake(text) };
  }

  #glob(any: boolean): TemplateMistake | undefined {
    if (this.#afterAny)
      return mistake('has something that varies after **', 'put ** last, with no more than a literal after it');
    this.#afterAny = any;
    return undefined;
  }

  #variable(text: string): TemplateMistake | undefined {
    const [name = '', ...patterns] = text.split('=');
    const pattern = patterns.join('=');
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || name.length > longestName) {
      const rule = `at most ${longestName} letters, digits and _, beginning with a letter`;
      return mistake(`has a variable ${quote(name)}, which is no name`, rule);
    }
    if (this.#names.has(name)) return mistake(`names ${quote(name)} twice`, 'give each variable a name of its own');
    this.#names.add(name);
    if (this.#names.size > mostVariables)
      return mistake(`has more than ${mostVariables} variables`, 'write * where the value is not needed');
    if (patterns.length === 0) return this.#glob(false);
    for (const part of pattern.split('/')) {
      const wrong = part === '*' || part === '**' ? this.#glob(part === '**') : literalMistake(part);
      if (wrong) return wrong;
    }
    return undefined;
  }
}

function literalMistake(text: string): TemplateMistake | undefined {
  if (literal.test(text)) return undefined;
  if (text === '') return mistake('has an empty segment', 'write one / between segments');
  if (/[*{}]/.test(text)) {
    return mistake(`has ${quote(text)} as a segment`, '* ** and {name} begin a segment: /files/*.css, not /files/a*');
  }
  return mistake(
    `has ${quote(text)} as a segment`,
    'percent-encode what is not a letter, a digit or one of . _ ~ % ! $ & ( ) + , ; : @ - or a single quote',
  );
}

function suffixMistake(text: string): TemplateMistake | undefined {
  if (text.includes('/'))
    return mistake(`goes on after ${quote(text.split('/', 1)[0] ?? '')}`, 'only the last segment may end in a literal');
  return literalMistake(text);
}
