import { stringify } from 'yaml';

export interface ComposeAnswers {
  /** Node ids of the Envoys. */
  readonly nodes: readonly string[];
  /** Ports that the policy has them listen on. */
  readonly ports: readonly number[];
  /** `1.40.0`. */
  readonly envoyVersion: string;
}

/** Where the server is for the Envoys of a compose file. */
export const composeXds = 'switchyard:18000';

const hardened = {
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  restart: 'unless-stopped',
} as const;

/**
 * A compose file of the server and its Envoys, none of which runs as root. Only the first Envoy has its ports on the machine,
 * since they can be there once.
 */
export function composeText({ nodes, ports, envoyVersion }: ComposeAnswers): string {
  const envoys = nodes.map((node, index) => [
    node,
    {
      image: `envoyproxy/envoy:distroless-v${envoyVersion}`,
      user: '65532:65532',
      ...hardened,
      // Ports below 1024 need no right in here.
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': 0 },
      command: ['--config-path', '/etc/envoy/envoy.yaml', '--log-level', 'warning', '--disable-hot-restart'],
      volumes: [`./envoy-${node}.yaml:/etc/envoy/envoy.yaml:ro`],
      ...(index === 0 ? { ports: ports.map(port => `127.0.0.1:${port}:${port}`) } : {}),
      networks: ['switchyard'],
      depends_on: { switchyard: { condition: 'service_healthy' } },
    },
  ]);
  const switchyard = {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: compose puts in what the variable says.
    image: '${SWITCHYARD_IMAGE:-switchyard}',
    user: '1000:1000',
    ...hardened,
    environment: {
      SWITCHYARD_POLICY: '/etc/switchyard/switchyard.yaml',
      SWITCHYARD_DATA: '/data',
      SWITCHYARD_XDS: '0.0.0.0:18000',
      SWITCHYARD_INSECURE_XDS: 'true',
      SWITCHYARD_ADMIN: '0.0.0.0:18080',
      SWITCHYARD_INSECURE_ADMIN: 'true',
    },
    volumes: ['.:/etc/switchyard:ro', 'switchyard-data:/data'],
    tmpfs: ['/tmp'],
    ports: ['127.0.0.1:18080:18080'],
    networks: ['switchyard'],
  };
  const file = {
    services: { switchyard, ...Object.fromEntries(envoys) },
    networks: { switchyard: {} },
    volumes: { 'switchyard-data': {} },
  };
  return `# The control plane and its Envoys in containers, none of them as root. The image is built from Switchyard's repository:
#   docker build -f compose/Dockerfile -t switchyard .
# xDS and the admin API are in plain text inside the network "switchyard": let nobody into it whom you do not trust. Your
# applications join it, too, and are named in the policy as NAME:PORT.
${stringify(file, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
