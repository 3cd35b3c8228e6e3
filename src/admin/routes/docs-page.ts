import { readDocsPage, readDocsScript, readDocsStyle } from '../api.ts';
import { page, script, style } from '../docs-page.ts';
import { type Api, serve } from '../serve.ts';

/** Nothing is run or loaded but what this server gives, and no other page may show this one. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A page to try the API. It has no secrets, and is given without a token. */
export function docsPageRoutes(api: Api): void {
  const give = (text: string, type: string) => () =>
    new Response(text, {
      headers: { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-cache' },
    });
  serve(api, readDocsPage, give(page, 'text/html; charset=utf-8'));
  serve(api, readDocsScript, give(script, 'text/javascript; charset=utf-8'));
  serve(api, readDocsStyle, give(style, 'text/css; charset=utf-8'));
}
