/** The policy that `init` writes: it works as it is once its addresses are yours. */
export const starterPolicy = `# Switchyard policy. Check it with "switchyard validate"; every field stands in docs/reference/policy.md.

# Things that answer requests.
services:
  web:
    # http (HTTP/1.1), http2, grpc, tcp or udp.
    protocol: http
    endpoints:
      # IP:PORT, NAME:PORT (resolved by Switchyard), or unix:/PATH. A machine with weight 3 gets three times the requests.
      - { address: "127.0.0.1:8081", weight: 3, labels: { version: v1 } }
      - { address: "127.0.0.1:8082", weight: 1, labels: { version: v1 } }
      - { address: "127.0.0.1:8083", labels: { version: v2 } }
    # Named subsets of the endpoints, for routes to send to.
    versions:
      v1: { labels: { version: v1 } }
      v2: { labels: { version: v2 } }
    # Every Envoy asks every endpoint itself; a dead one is out after about two seconds.
    healthCheck: { http: { path: /health } }

# Ports that take traffic in.
gateways:
  public:
    listeners:
      - { port: 8000, protocol: http }

# Which requests go where: the first rule that matches wins.
routes:
  web:
    gateways: [public]
    hosts: ["*"]
    rules:
      # People with the header "x-beta: 1" see version 2.
      - name: beta
        match: { headers: { x-beta: "1" } }
        to: [{ service: web, version: v2 }]
      # A canary: shift it by "switchyard canary weights web/everyone web@v1=90 web@v2=10 --wait".
      - name: everyone
        to:
          - { service: web, version: v1, weight: 99 }
          - { service: web, version: v2, weight: 1 }

# Which Envoys are given what.
fleets:
  edge:
    match: { cluster: edge }
    gateways: [public]
`;
