import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/** What holds for an answer that says nothing else itself: it is data, for whoever asked, and for nobody to keep. */
const unlessSaid = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
} as const;

/** Keeps browsers from showing answers within other pages, running them, guessing what they are, or keeping them (P28). */
export function safeHeaders(): MiddlewareHandler {
  // To insist on TLS for a host would be for all of its ports, and hosts such as localhost have others.
  const usual = secureHeaders({ xFrameOptions: 'DENY', strictTransportSecurity: false });
  return async (context, next) => {
    await usual(context, next);
    const { headers } = context.res;
    for (const [name, value] of Object.entries(unlessSaid)) if (!headers.has(name)) headers.set(name, value);
  };
}
