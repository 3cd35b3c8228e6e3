import { type Answer, ask } from './client.ts';

/** A browser: it keeps the cookies that it is given, whatever their paths. */
export class User {
  readonly #port: number;
  readonly #host: string | undefined;
  readonly #to: string | undefined;
  readonly cookies = new Map<string, string>();

  constructor(port: number, host?: string, to?: string) {
    this.#port = port;
    this.#host = host;
    this.#to = to;
  }

  async ask(path: string): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const host = this.#host === undefined ? {} : { host: this.#host };
    const to = this.#to === undefined ? {} : { to: this.#to };
    const answer = await ask(this.#port, path, { headers: cookie === '' ? {} : { cookie }, ...host, ...to });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
    return answer;
  }
}
