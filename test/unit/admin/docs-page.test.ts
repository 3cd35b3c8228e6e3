import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { AdminWorld, token } from './admin-world.ts';

const loaded = /\b(?:src|href)="([^"]*)"/g;

describe('the page to try the API', async () => {
  const world = new AdminWorld();
  world.accept();
  const withoutToken = { headers: { authorization: '' } };
  const page = await world.call('GET', '/api/docs', withoutToken);

  it('is given without a token, and what it loads is, too', async () => {
    assert.equal(page.status, 200);
    const urls = [...page.text.matchAll(loaded)].map(([, url = '']) => url);
    assert.deepEqual(urls.toSorted(), ['/api/docs/page.css', '/api/docs/page.js']);
    for (const url of urls) assert.equal((await world.call('GET', url, withoutToken)).status, 200, url);
    assert.equal((await world.call('GET', '/api/v1/openapi.json', withoutToken)).status, 401);
  });

  it('is refused to other hosts and sites', async () => {
    for (const headers of [{ host: 'evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      assert.equal((await world.call('GET', '/api/docs', { headers })).status, 403);
    }
  });

  it('runs and loads nothing but what this server gives', async () => {
    for (const url of ['/api/docs', '/api/docs/page.js', '/api/docs/page.css']) {
      const { headers, text } = await world.call('GET', url, withoutToken);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|\*|data:/);
      assert.doesNotMatch(text, /https?:\/\/|["'(]\/\/|@import/, url);
    }
    assert.doesNotMatch(page.text, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
  });

  it('never makes markup of what it shows, and keeps nothing', async () => {
    const { text } = await world.call('GET', '/api/docs/page.js');
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|localStorage|cookie/);
  });

  it('shows every operation and sends requests with the token', async () => {
    const { text } = await world.call('GET', '/api/docs/page.js');
    const body = browse(text, (url, init) => world.app.request(`http://127.0.0.1${url}`, withHost(init)));
    at(body, 'token').value = token;
    await at(body, 'access').fire('submit');
    const operations = at(body, 'operations').all('details');
    const { json: document } = await world.call('GET', '/api/v1/openapi.json');
    const count = Object.values<object>(document.paths).reduce((sum, each) => sum + Object.keys(each).length, 0);
    assert.equal(operations.length, count);
    const snapshot = operations.find(each => each.text().includes('/api/v1/fleets/{fleet}/snapshot'));
    assert.ok(snapshot);
    snapshot.open = true;
    await snapshot.fire('toggle');
    snapshot.all('input')[0]!.value = 'edge';
    await snapshot.all('form')[0]!.fire('submit');
    assert.match(snapshot.all('pre')[0]!.text(), /^200\n\{\n {2}"fleet": "edge"/);
    at(body, 'find').value = 'openapi';
    await at(body, 'find').fire('input');
    assert.deepEqual(
      operations.filter(each => !each.hidden).map(each => each.text().replace(/ — .*/, '')),
      ['GET/api/v1/openapi.json'],
    );
  });

  it('says why it is not let in', async () => {
    const { text } = await world.call('GET', '/api/docs/page.js');
    const body = browse(text, (url, init) => world.app.request(`http://127.0.0.1${url}`, withHost(init)));
    at(body, 'token').value = 'wrong';
    await at(body, 'access').fire('submit');
    assert.equal(at(body, 'status').text(), 'The token is wrong.');
    assert.equal(at(body, 'operations').all('details').length, 0);
  });
});

const withHost = (init: RequestInit): RequestInit => ({
  ...init,
  headers: { host: '127.0.0.1:18080', ...(init.headers as Record<string, string>) },
});

/** As much of an element as the page needs. */
class Element {
  readonly name: string;
  value = '';
  open = false;
  hidden = false;
  #text = '';
  #children: readonly (Element | string)[] = [];
  readonly #listeners = new Map<string, (event: object) => unknown>();
  constructor(name: string) {
    this.name = name;
  }
  set textContent(text: string) {
    this.#text = text;
  }
  get children(): readonly Element[] {
    return this.#children.filter(each => typeof each !== 'string');
  }
  append(...more: readonly (Element | string)[]): void {
    this.#children = [...this.#children, ...more];
  }
  replaceChildren(...others: readonly Element[]): void {
    this.#children = others;
  }
  addEventListener(type: string, act: (event: object) => unknown): void {
    this.#listeners.set(type, act);
  }
  async fire(type: string): Promise<void> {
    await this.#listeners.get(type)?.({ preventDefault: () => {} });
  }
  all(name: string): readonly Element[] {
    return this.children.flatMap(each => [...(each.name === name ? [each] : []), ...each.all(name)]);
  }
  text(): string {
    return this.#text + this.#children.map(each => (typeof each === 'string' ? each : each.text())).join('');
  }
}

type Body = ReadonlyMap<string, Element>;

const at = (body: Body, id: string): Element => {
  const found = body.get(id);
  assert.ok(found, id);
  return found;
};

/** Runs the script in a page that has the elements which it looks for. */
function browse(script: string, fetch: (url: string, init: RequestInit) => Response | Promise<Response>): Body {
  const ids = ['access', 'token', 'status', 'find', 'operations'];
  const body = new Map(ids.map(id => [id, new Element('div')]));
  const document = { getElementById: (id: string) => body.get(id), createElement: (name: string) => new Element(name) };
  runInContext(script, createContext({ document, fetch, URLSearchParams }));
  return body;
}
