import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { proxyStates } from '../../../src/admin/api.ts';
import { AdminWorld } from './admin-world.ts';

const text = readFileSync(new URL('../../../docs/reference/admin-api.md', import.meta.url), 'utf8');
const world = new AdminWorld();

describe('docs/reference/admin-api.md', () => {
  it('lists every route, and none that there is not', () => {
    const routes = world.app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
    assert.ok(routes.includes('PUT /api/v1/routes/{route}/rules/{rule}/weights'), routes.join(', '));
    const listed = [...text.matchAll(/^\| \[`([A-Z]+ \S+)`\]/gm)].map(match => match[1]);
    assert.deepEqual(listed.toSorted(), [...new Set(routes)].sort());
  });

  it('leads to a heading for each', () => {
    const headings = [...text.matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(match => match[1] ?? '');
    assert.ok(links.length > 10);
    for (const link of links)
      assert.ok(headings.includes(link), `#${link} leads nowhere; there are ${headings.join(', ')}`);
  });

  it('explains every state of a proxy', () => {
    for (const state of proxyStates) assert.match(text, new RegExp(`^\\| \`${state}\` \\| .{10}`, 'm'));
  });

  it('explains every metric, and none that there is not', async () => {
    const { text: scraped } = await world.call('GET', '/metrics');
    const metrics = [...scraped.matchAll(/^# TYPE (\S+)/gm)].map(match => match[1] ?? '');
    const own = metrics.filter(name => !/^switchyard_(process|nodejs)_/.test(name));
    const listed = [...text.matchAll(/^\| `(switchyard_\w+)` \|/gm)].map(match => match[1]);
    assert.deepEqual(listed.toSorted(), own.toSorted());
  });

  it('names every status that it answers with', async () => {
    for (const status of [400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 503, 507]) {
      assert.match(text, new RegExp(`^\\| ${status} \\| `, 'm'));
    }
  });
});
