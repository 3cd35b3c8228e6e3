import { isLocal } from '../../base/address.ts';

/** What the units of systemd are made for. Paths are absolute. */
export interface UnitAnswers {
  /** Folder of policy and bootstraps. */
  readonly folder: string;
  /** What runs `switchyard`: a program, or Node and a script. */
  readonly program: readonly string[];
  readonly envoy: string;
  /** Where the server listens for Envoys. */
  readonly xds: string;
  /** Node ids of the Envoys. */
  readonly nodes: readonly string[];
}

/** Files below the folder, by name. */
export function systemdFiles(answers: UnitAnswers): ReadonlyMap<string, string> {
  return new Map([
    ['systemd/switchyard.service', serverUnit(answers)],
    ['systemd/switchyard-envoy@.service', envoyUnit(answers)],
    ['systemd/switchyard.env', environment(answers)],
    ['systemd/switchyard.sysusers.conf', users],
  ]);
}

/** What both must not do. Each is allowed nothing that it does not need. */
const hardening = `# No rights to gain, and none to begin with but those below.
NoNewPrivileges=yes
UMask=0077
# The file system is read-only but for what is named here; home folders, devices and others' temporary files are not there.
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
# The kernel, its clock and other processes are out of reach.
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`;

/** Neither of them is root, nor can either read what is the other's. */
const users = `# Users of the units: "systemd-sysusers" makes them.
u switchyard - "Switchyard control plane"
u switchyard-envoy - "Envoys of Switchyard"
`;

function serverUnit({ folder, program }: UnitAnswers): string {
  return `# The control plane. "systemctl edit switchyard" adds to it; settings stand in ${folder}/systemd/switchyard.env.
[Unit]
Description=Switchyard, the control plane for Envoy
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=switchyard
Group=switchyard
EnvironmentFile=${folder}/systemd/switchyard.env
ExecStart=${[...program, 'serve'].map(quoted).join(' ')}
# Envoys keep what they have while it is away.
Restart=always
RestartSec=1s
TimeoutStopSec=15s
# Store, token and bundles: /var/lib/switchyard, for its user only.
StateDirectory=switchyard
StateDirectoryMode=0700
# /run/switchyard: where the admin API may have a socket, for group switchyard at most.
RuntimeDirectory=switchyard
RuntimeDirectoryMode=0750
LimitNOFILE=65536

${hardening}CapabilityBoundingSet=
AmbientCapabilities=

[Install]
WantedBy=multi-user.target
`;
}

function envoyUnit({ folder, envoy, nodes }: UnitAnswers): string {
  const [first = 'edge-1'] = nodes;
  return `# An Envoy that joins; what stands after the @ is its node id: "systemctl enable --now switchyard-envoy@${first}".
[Unit]
Description=Envoy %i, configured by Switchyard
Wants=network-online.target
After=network-online.target switchyard.service

[Service]
Type=exec
User=switchyard-envoy
Group=switchyard-envoy
ExecStart=${quoted(envoy)} --config-path ${folder}/envoy-%i.yaml --log-level warning --use-dynamic-base-id
# Requests under way are finished: it stops to listen, and has this long.
TimeoutStopSec=60s
Restart=always
RestartSec=1s
LimitNOFILE=1048576

${hardening}# Ports below 1024, and no other right.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE

[Install]
WantedBy=multi-user.target
`;
}

function environment({ folder, xds }: UnitAnswers): string {
  const local = isLocal(xds);
  const about = local
    ? `# For Envoys on this machine only. For others, name an address of this machine, and give TLS (docs/guides/tls.md):`
    : `# Other machines reach this address, so it wants TLS (docs/guides/tls.md). Put these files there, the key for user switchyard alone:`;
  const mark = local ? '# ' : '';
  return `# Settings of the control plane: those of "switchyard serve", as docs/reference/cli.md lists them.
SWITCHYARD_POLICY=${folder}/switchyard.yaml
SWITCHYARD_DATA=/var/lib/switchyard

${about}
SWITCHYARD_XDS=${xds}
${mark}SWITCHYARD_XDS_CERT=${folder}/tls/xds.crt
${mark}SWITCHYARD_XDS_KEY=${folder}/tls/xds.key
${mark}SWITCHYARD_XDS_CLIENT_CA=${folder}/tls/ca.crt

# The admin API: whoever has its token may change everything.
SWITCHYARD_ADMIN=127.0.0.1:18080
# At a socket in its place no port is open, and mode 660 lets group switchyard call it (docs/guides/operators.md):
# SWITCHYARD_ADMIN=unix:/run/switchyard/admin.sock
# SWITCHYARD_ADMIN_SOCKET_MODE=660
`;
}

/** A word of a command line of systemd. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./@%$:+-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
