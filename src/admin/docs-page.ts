/**
 * The page at `/api/docs`. All of it is here: it loads nothing from elsewhere, and has no markup of what it shows, so
 * that texts of the server stay texts.
 */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard admin API</title>
<link rel="stylesheet" href="/api/docs/page.css">
<script src="/api/docs/page.js" defer></script>
</head>
<body>
<header>
<h1>Switchyard admin API</h1>
<form id="access">
<label>Token <input id="token" type="password" autocomplete="off" spellcheck="false"></label>
<button>Show</button>
</form>
<p id="status" role="status">The token stands in the file admin-token of the data directory. This page forgets it when it is closed.</p>
<label>Find <input id="find" type="search"></label>
</header>
<main id="operations"></main>
</body>
</html>
`;

export const style = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
form { display: grid; gap: 0.5rem; margin: 0.5rem 0; }
#access { display: flex; gap: 0.5rem; }
summary { cursor: pointer; font-family: ui-monospace, monospace; padding: 0.2rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
details { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
input, textarea { font: 14px ui-monospace, monospace; }
textarea { min-height: 6rem; }
button { justify-self: start; }
pre { overflow: auto; padding: 0.5rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); max-height: 30rem; }
dt { font-family: ui-monospace, monospace; }
`;

export const script = `'use strict';
const at = id => document.getElementById(id);
let token = '';
let shown = [];

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function send(method, path, headers, body) {
  const all = { ...headers, ...(token === '' ? {} : { authorization: 'Bearer ' + token }) };
  return fetch(path, { method, headers: all, body, credentials: 'omit', cache: 'no-store' });
}

function field(form, label, about, required) {
  const input = element(label === 'body' ? 'textarea' : 'input');
  input.required = required;
  form.append(element('label', label + (required ? ' (needed): ' : ': ') + (about || ''), element('br'), input));
  return input;
}

function pathOf(path, inputs) {
  const query = new URLSearchParams();
  let full = path;
  for (const { where, name, input } of inputs) {
    if (input.value === '') continue;
    if (where === 'path') full = full.replace('{' + name + '}', encodeURIComponent(input.value));
    if (where === 'query') query.set(name, input.value);
  }
  return full + (query.size === 0 ? '' : '?' + query);
}

function tryForm(path, method, operation) {
  const form = element('form');
  const inputs = (operation.parameters || []).map(each => ({
    where: each.in,
    name: each.name,
    input: field(form, each.name, each.description, each.in === 'path'),
  }));
  const body = operation.requestBody ? field(form, 'body', 'JSON', true) : undefined;
  const answer = element('pre', 'no answer yet');
  form.append(element('button', 'Send'), answer);
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const headers = body ? { 'content-type': 'application/json' } : {};
    for (const each of inputs) if (each.where === 'header' && each.input.value !== '') headers[each.name] = each.input.value;
    answer.textContent = '…';
    try {
      const response = await send(method.toUpperCase(), pathOf(path, inputs), headers, body ? body.value : undefined);
      const text = await response.text();
      const json = (response.headers.get('content-type') || '').includes('json');
      answer.textContent = response.status + '\\n' + (json && text !== '' ? JSON.stringify(JSON.parse(text), null, 2) : text);
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  return form;
}

function answersOf(operation) {
  const list = element('dl');
  for (const [status, each] of Object.entries(operation.responses)) {
    list.append(element('dt', status), element('dd', each.description));
  }
  return list;
}

function operationOf(path, method, operation) {
  const title = element('summary', '', element('b', method.toUpperCase()), path + ' — ' + operation.summary);
  const details = element('details', '', title);
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    details.append(
      element('p', operation.description || ''),
      element('p', 'Role: ' + operation['x-switchyard-role']),
      tryForm(path, method, operation),
      answersOf(operation),
    );
  });
  return { details, text: (method + ' ' + path + ' ' + operation.summary).toLowerCase() };
}

function show(description) {
  const groups = new Map(description.tags.map(tag => [tag.name, element('section', '', element('h2', tag.name), element('p', tag.description))]));
  shown = [];
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const made = operationOf(path, method, operation);
      shown.push(made);
      groups.get(operation.tags[0]).append(made.details);
    }
  }
  at('operations').replaceChildren(...groups.values());
}

at('access').addEventListener('submit', async event => {
  event.preventDefault();
  token = at('token').value.trim();
  const response = await send('GET', '/api/v1/openapi.json', {});
  const answer = await response.json();
  at('status').textContent = response.ok ? 'What is sent from here is done in earnest; dryRun=true only tells.' : answer.detail;
  if (response.ok) show(answer);
});

at('find').addEventListener('input', () => {
  const wanted = at('find').value.toLowerCase();
  for (const { details, text } of shown) details.hidden = !text.includes(wanted);
});
`;
