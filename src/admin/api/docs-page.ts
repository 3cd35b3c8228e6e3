import { operation } from './operation.ts';

const open = {
  method: 'get',
  family: 'Process',
  role: 'none',
  errors: { 403: 'A host name that is not allowed, or a request on behalf of another site.' },
} as const;

export const readDocsPage = operation({
  ...open,
  id: 'readDocsPage',
  path: '/api/docs',
  summary: 'A page to read about the API and to try it',
  doc: 'It needs no token itself. What it sends bears the one that is typed there, which it keeps in memory alone.',
  answers: { 200: { mediaType: 'text/html; charset=utf-8' } },
});

export const readDocsScript = operation({
  ...open,
  id: 'readDocsScript',
  path: '/api/docs/page.js',
  summary: 'The script of that page',
  answers: { 200: { mediaType: 'text/javascript; charset=utf-8' } },
});

export const readDocsStyle = operation({
  ...open,
  id: 'readDocsStyle',
  path: '/api/docs/page.css',
  summary: 'The style of that page',
  answers: { 200: { mediaType: 'text/css; charset=utf-8' } },
});
