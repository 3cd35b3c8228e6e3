/**
 * A user's mistake, as a value. Every stage collects problems and throws none, so that one pass shows them all.
 */

/** Path of the thing at fault inside the policy, e.g. `['services', 'catalog', 'endpoints', 0, 'address']`. */
export type PolicyPath = readonly (string | number)[];

/** Where a value stands in a user's file. `line` and `column` count from 1. */
export interface SourceSpan {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `error` keeps the whole save from being accepted; `warning` is shown and lets it pass. */
export type Severity = 'error' | 'warning';

/** Every code a problem may carry, with the severity it has. Each stands in `docs/errors.md`; a test checks both ways. */
export const problemCodes = {
  'file.unreadable': 'error',
  'file.too_large': 'error',
  'file.unknown_format': 'error',
  'file.module_failed': 'error',
  'file.empty': 'warning',
  'syntax.invalid': 'error',
  'syntax.duplicate_key': 'error',
  'syntax.forbidden_key': 'error',
  'syntax.too_deep': 'error',
  'syntax.too_many_aliases': 'error',
  'schema.unknown_key': 'error',
  'schema.invalid_type': 'error',
  'schema.invalid_value': 'error',
  'schema.missing': 'error',
  'schema.invalid_name': 'error',
  'schema.invalid_duration': 'error',
  'schema.invalid_percent': 'error',
  'schema.invalid_address': 'error',
  'schema.invalid_regex': 'error',
  'schema.regex_too_complex': 'error',
  'schema.invalid_template': 'error',
  'environment.not_here': 'error',
  'environment.unset': 'error',
  'environment.wrong_type': 'error',
  'policy.duplicate_name': 'error',
  'policy.taken_over': 'warning',
  'policy.too_many_problems': 'warning',
  'policy.empty': 'error',
  'policy.inconsistent': 'error',
  'policy.shrinks': 'error',
  'policy.files_held': 'warning',
  'policy.waits': 'error',
  'service.no_endpoints': 'warning',
  'service.duplicate_endpoint': 'error',
  'service.duplicate_hash_key': 'error',
  'service.version_empty': 'warning',
  // A warning: one name that cannot be looked up must not keep a whole policy, perhaps a repair at night, out.
  'service.unresolved_name': 'warning',
  'service.name_shrunk': 'warning',
  'service.option_without_effect': 'warning',
  'service.inbound_on_unix_socket': 'error',
  'service.health_check_impossible': 'error',
  'service.zone_without_weight': 'error',
  'service.load_never_reported': 'warning',
  'service.fallback_not_found': 'error',
  'service.fallback_circle': 'error',
  'service.fallback_protocol': 'error',
  'service.fallback_sessions': 'error',
  'service.fallback_gradual': 'error',
  'service.fallback_retry_budget': 'error',
  'service.maintenance_protocol': 'error',
  'route.service_not_found': 'error',
  'route.version_not_found': 'error',
  'route.gateway_not_found': 'error',
  'route.not_attached': 'warning',
  'route.duplicate_host': 'error',
  'route.duplicate_rule': 'error',
  'route.shadowed_rule': 'warning',
  'route.weights_sum_to_zero': 'error',
  'route.duplicate_destination': 'error',
  'route.protocol_mismatch': 'error',
  'route.session_clash': 'warning',
  'route.sticky_unnamed': 'error',
  'route.sticky_conflict': 'error',
  'route.sticky_clash': 'warning',
  'route.sticky_hash_destinations': 'error',
  'route.sticky_hash_conflict': 'error',
  'route.api_version_not_found': 'error',
  'route.api_versioning_missing': 'error',
  'route.api_version_path': 'error',
  'route.rewrite_conflict': 'error',
  'retries.timeout_not_retried': 'warning',
  'apiVersioning.default_not_found': 'error',
  'apiVersioning.alias_not_found': 'error',
  'apiVersioning.alias_shadows_version': 'error',
  'apiVersioning.default_retired': 'error',
  'gateway.port_overlap': 'error',
  'gateway.service_not_found': 'error',
  'gateway.version_not_found': 'error',
  'gateway.duplicate_destination': 'error',
  'gateway.weights_sum_to_zero': 'error',
  'gateway.protocol_mismatch': 'error',
  'gateway.unused': 'warning',
  'fleet.gateway_not_found': 'error',
  'fleet.service_not_found': 'error',
  'fleet.overlap': 'error',
  'fleet.port_overlap': 'error',
  'fleet.machine_port_clash': 'error',
  'fleet.inbound_missing': 'error',
  'fleet.bind_missing': 'error',
  'fleet.member_ambiguous': 'error',
  'fleet.duplicate_upstream': 'error',
  'fleet.upstream_port_missing': 'error',
  'fleet.upstream_port_unexpected': 'error',
  'fleet.protocol_mismatch': 'error',
  'fleet.route_partly_reachable': 'warning',
  'fleet.zones_unknown': 'warning',
  'override.suspended': 'warning',
  'override.endpoint_gone': 'warning',
  'proxy.quarantined': 'warning',
  'envoy.refused': 'error',
  'store.unwritable': 'error',
  'audit.unwritable': 'warning',
  'tokens.unreadable': 'warning',
  'tls.files_not_taken': 'warning',
  'tls.certificate_expires': 'warning',
  'tls.needed_for_identity': 'warning',
  'import.unreadable': 'error',
  'import.syntax': 'error',
  'import.left_out': 'warning',
  'import.changed': 'warning',
} as const satisfies Record<string, Severity>;

export type ProblemCode = keyof typeof problemCodes;

/** One mistake: what is wrong, where, and what to do about it. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  /** What is wrong, in one sentence, naming the value. */
  readonly message: string;
  readonly path: PolicyPath;
  /** Filled in by whoever knows the files (see `policy/source-map.ts`); absent for values without a file. */
  readonly source?: SourceSpan;
  /** What to do about it, e.g. `did you mean "catalog"?`. */
  readonly hint?: string;
}

/** Makes a problem; its severity is the code's. */
export function problem(code: ProblemCode, path: PolicyPath, message: string, hint?: string): Problem {
  const base = { code, severity: problemCodes[code], message, path };
  return hint === undefined ? base : { ...base, hint };
}

/** True if any of them keeps a save from being accepted. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(each => each.severity === 'error');
}

/** `services.catalog.endpoints[0].address`: the path as people write it. */
export function formatPath(path: PolicyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** One line for a terminal: `file:line:column: error code path: message (hint)`. */
export function formatProblem(each: Problem): string {
  const where = each.source ? `${each.source.file}:${each.source.line}:${each.source.column}: ` : '';
  const path = formatPath(each.path);
  const hint = each.hint ? ` (${each.hint})` : '';
  return `${where}${each.severity} ${each.code}${path ? ` ${path}` : ''}: ${each.message}${hint}`;
}

/** What is wrong, without the places: `MESSAGE; MESSAGE`. */
export function messagesOf(problems: readonly Problem[]): string {
  return problems.map(each => each.message).join('; ');
}
