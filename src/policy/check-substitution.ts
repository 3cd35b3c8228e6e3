import { didYouMean } from '../base/suggest.ts';
import { quote } from './document.ts';

/** Fields that stand for themselves: `%PROTOCOL%`. */
const plain = wordsOf(`
  ACCESS_LOG_TYPE BYTES_RECEIVED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT
  DOWNSTREAM_PEER_CERT_V_END DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_FINGERPRINT_256
  DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN
  DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER
  DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DURATION FILTER_CHAIN_NAME
  GRPC_STATUS GRPC_STATUS_NUMBER HOSTNAME PATH PROTOCOL QUERY_PARAMS REQUESTED_SERVER_NAME REQUEST_DURATION
  REQUEST_TX_DURATION RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_DURATION RESPONSE_FLAGS RESPONSE_FLAGS_LONG
  RESPONSE_TX_DURATION ROUTE_NAME SPAN_ID START_TIME START_TIME_LOCAL STREAM_ID TRACE_ID UNIQUE_ID UPSTREAM_CLUSTER
  UPSTREAM_CLUSTER_RAW UPSTREAM_CONNECTION_ID UPSTREAM_HOST UPSTREAM_HOST_NAME UPSTREAM_LOCAL_ADDRESS
  UPSTREAM_PEER_SUBJECT UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
  UPSTREAM_REMOTE_PORT UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_TLS_CIPHER UPSTREAM_TLS_VERSION
  UPSTREAM_TRANSPORT_FAILURE_REASON VIRTUAL_CLUSTER_NAME
`);

/** Fields that need to be told of what: `%REQ(x-user)%`, with a length after it if wanted: `%REQ(x-user):8%`. */
const withParameter = wordsOf(`
  CLUSTER_METADATA DYNAMIC_METADATA ENVIRONMENT FILTER_STATE QUERY_PARAM REQ REQUEST_HEADER RESP RESPONSE_HEADER
  TRAILER UPSTREAM_METADATA
`);

/** Fields that may be told how to write it: `%START_TIME(%s)%`. */
const withFormat = ['START_TIME', 'START_TIME_LOCAL', 'PATH'];

const known = new Map<string, { readonly alone: boolean; readonly parameter: boolean; readonly length: boolean }>([
  ...plain.map(name => [name, { alone: true, parameter: withFormat.includes(name), length: false }] as const),
  ...withParameter.map(name => [name, { alone: false, parameter: true, length: true }] as const),
]);

export interface SubstitutionMistake {
  readonly message: string;
  readonly hint: string;
}

/**
 * Says what is wrong with the `%…%` substitutions in the value of a header. Envoy rejects a whole route table for one
 * that it does not know.
 */
export function checkSubstitutions(value: string): SubstitutionMistake | undefined {
  const part = /%%|%([A-Z][A-Z0-9_]*)(?:\(([^)]*)\))?(?::(\d+))?%|%/g;
  for (const [text, name, parameter, length] of value.matchAll(part)) {
    if (text === '%%') continue;
    if (name === undefined)
      return { message: `${quote(value)} has a % of its own`, hint: 'write %% for a percent sign' };
    const field = known.get(name);
    if (!field) {
      const hint = didYouMean(name, known.keys()) ?? 'write %% for a percent sign';
      return { message: `${quote(value)} has ${text}, which Envoy does not know`, hint };
    }
    if (!field.alone && !parameter) {
      return {
        message: `${quote(value)} has ${text}, which does not say of what`,
        hint: `for example %${name}(x-user)%`,
      };
    }
    if ((parameter !== undefined && !field.parameter) || (length !== undefined && !field.length)) {
      return { message: `${quote(value)} has ${text}, which takes nothing after its name`, hint: `write %${name}%` };
    }
  }
  return undefined;
}

/** Every field once, in its shortest form: for the test that asks a real Envoy. */
export function knownSubstitutions(): readonly string[] {
  return [...known].map(([name, { alone }]) => (alone ? `%${name}%` : `%${name}(a)%`));
}

function wordsOf(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
