import { inline } from '../../policy/describe.ts';

/** What the policy that `init` writes is about. */
export interface PolicyAnswers {
  readonly service: string;
  /** Addresses of the application; none: an example with two versions. */
  readonly endpoints: readonly string[];
  /** Port that the proxies listen on. */
  readonly port: number;
  /** Node cluster of the proxies. */
  readonly cluster: string;
}

export const usualPolicy: PolicyAnswers = { service: 'web', endpoints: [], port: 8000, cluster: 'edge' };

/** Name of the JSON Schema beside the policy, which a folder of policy passes over. */
export const schemaFile = '.policy.schema.json';

/** For editors that complete and explain YAML by a JSON Schema. */
const hint = `# yaml-language-server: $schema=${schemaFile}`;

/** A policy to start from, which is good as it stands. */
export function policyText(answers: PolicyAnswers): string {
  const { service, endpoints, port, cluster } = answers;
  const versions = endpoints.length === 0;
  return `${hint}
# Switchyard policy. Check it with "switchyard validate"; "switchyard explain" says what a field does.

# Things that answer requests.
services:
  ${inline(service)}:
    # http (HTTP/1.1), http2, grpc, tcp or udp.
    protocol: http
    endpoints:
      # IP:PORT, NAME:PORT (resolved by Switchyard), or unix:/PATH. A machine with weight 3 gets three times the requests.
${versions ? exampleEndpoints : endpoints.map(each => `      - { address: ${JSON.stringify(each)} }\n`).join('')}${versions ? namedVersions : ''}    # Every Envoy asks every endpoint itself; a dead one is out after about two seconds.
    healthCheck: { http: { path: /health } }

# Ports that take traffic in.
gateways:
  public:
    listeners:
      - { port: ${port}, protocol: http }

# Which requests go where: the first rule that matches wins.
routes:
  ${inline(service)}:
    gateways: [public]
    hosts: ["*"]
    rules:
${versions ? canaryRules(service) : `      - to: [{ service: ${inline(service)} }]\n`}
# Which Envoys are given what.
fleets:
  edge:
    match: { cluster: ${inline(cluster)} }
    gateways: [public]
`;
}

const exampleEndpoints = `      - { address: "127.0.0.1:8081", weight: 3, labels: { version: v1 } }
      - { address: "127.0.0.1:8082", weight: 1, labels: { version: v1 } }
      - { address: "127.0.0.1:8083", labels: { version: v2 } }
`;

const namedVersions = `    # Named subsets of the endpoints, for routes to send to.
    versions:
      v1: { labels: { version: v1 } }
      v2: { labels: { version: v2 } }
`;

const canaryRules = (service: string) => `      # People with the header "x-beta: 1" see version 2.
      - name: beta
        match: { headers: { x-beta: "1" } }
        to: [{ service: ${inline(service)}, version: v2 }]
      # A canary: shift it by "switchyard canary weights ${service}/everyone ${service}@v1=90 ${service}@v2=10 --wait".
      - name: everyone
        to:
          - { service: ${inline(service)}, version: v1, weight: 99 }
          - { service: ${inline(service)}, version: v2, weight: 1 }
`;
