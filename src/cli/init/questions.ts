import { parseAddress } from '../../base/address.ts';
import type { CliHost } from '../host.ts';

type Ask = NonNullable<CliHost['ask']>;
type Say = (text: string) => void;

/** A question about one flag. The answer is asked for again until it is one. */
interface Question {
  readonly text: string;
  readonly usual: string;
  /** What is wrong with an answer; undefined: nothing. */
  readonly mistake: (answer: string) => string | undefined;
}

/** An empty answer is the usual one. */
export async function answerTo(ask: Ask, say: Say, { text, usual, mistake }: Question): Promise<string> {
  for (;;) {
    const answer = (await ask(`${text} [${usual}]: `)).trim() || usual;
    const wrong = mistake(answer);
    if (wrong === undefined) return answer;
    say(`  ${wrong}\n`);
  }
}

export const anything = (): undefined => undefined;

export const oneOf =
  (...choices: readonly string[]) =>
  (answer: string): string | undefined =>
    choices.includes(answer) ? undefined : `answer ${choices.join(' or ')}`;

export const portMistake = (answer: string): string | undefined =>
  /^\d{1,5}$/.test(answer) && Number(answer) >= 1 && Number(answer) <= 65_535
    ? undefined
    : 'that is no port from 1 to 65535';

/** Several, apart from each other by commas or spaces. */
export const words = (answer: string): readonly string[] => answer.split(/[\s,]+/).filter(each => each !== '');

export const addressesMistake = (answer: string): string | undefined => {
  const [wrong] = words(answer).filter(each => parseAddress(each) === undefined);
  return wrong === undefined ? undefined : `"${wrong}" is not an address like HOST:PORT`;
};

/** Yes unless the answer says otherwise. */
export async function confirmed(ask: Ask, question: string): Promise<boolean> {
  return /^(?:y|yes|)$/i.test((await ask(`${question} [Y/n] `)).trim());
}
