import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedTemplates, strictlyRefusedTemplates, takenTemplates } from '../support/path-templates.ts';
import { matchRefusal } from '../support/route-match-validate.ts';

const templateMatch = (template: string) => ({
  path_match_policy: {
    name: 'envoy.path.match.uri_template.uri_template_matcher',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
      path_template: template,
    },
  },
});

test('Envoy takes every template that we take', async () => {
  assert.equal(await matchRefusal(takenTemplates.map(templateMatch)), undefined);
});

test('Envoy refuses the templates that we refuse', async () => {
  for (const template of refusedTemplates) {
    assert.match((await matchRefusal([templateMatch(template)])) ?? 'taken', /is invalid/, template);
  }
});

test('the templates that only we refuse are taken by this Envoy', async () => {
  assert.equal(await matchRefusal(strictlyRefusedTemplates.map(templateMatch)), undefined);
});
