import { any } from '../../../proto/codec.ts';
import type { TypedExtensionConfig } from '../../../proto/gen/envoy.config.core.v3.ts';
import { sessionCookieName } from '../../ir/cookie-names.ts';
import type { WeightedClusterIr } from '../../ir/ir.ts';
import type { Sessions } from '../../policy/sessions.ts';
import { attributeList } from '../cookie.ts';
import { duration } from '../units.ts';
import type { HttpFilterWriter } from './filter.ts';

/** Sends requests of a session to the endpoint that it began at. */
export const statefulSession: HttpFilterWriter<'stateful_session'> = {
  name: 'stateful_session',
  // What comes in at a sidecar has one place to go to.
  config: ({ role }) =>
    role === 'inbound' ? undefined : any('envoy.extensions.filters.http.stateful_session.v3.StatefulSession', {}),
  forDestination: to =>
    to.sessions &&
    any('envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute', {
      stateful_session: {
        session_state: sessionState(to, to.sessions),
        ...(to.sessions.strict ? { strict: true } : {}),
      },
    }),
};

function sessionState(to: WeightedClusterIr, { cookie, header }: Sessions): TypedExtensionConfig {
  if (cookie) {
    const { ttl, path } = cookie;
    const attributes = attributeList(cookie.attributes);
    return {
      name: 'envoy.http.stateful_session.cookie',
      typed_config: any('envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState', {
        cookie: {
          name: cookieName(to, cookie.name),
          ...(ttl > 0 ? { ttl: duration(ttl) } : {}),
          path,
          ...(attributes.length === 0 ? {} : { attributes }),
        },
      }),
    };
  }
  if (!header) throw new Error('sessions must have been parsed to a cookie or a header');
  return {
    name: 'envoy.http.stateful_session.header',
    typed_config: any('envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState', {
      name: header.name,
    }),
  };
}

/** A destination is `catalog` or `catalog@v1`. */
function cookieName({ destination, serviceName }: WeightedClusterIr, name: string): string {
  return sessionCookieName(name, destination === serviceName ? undefined : destination.slice(serviceName.length + 1));
}
