import { changedNames } from '../base/records.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Override } from '../policy/operational-state.ts';
import type { Change, OverrideKey } from '../store/store.ts';
import type { Decision } from './decide.ts';

/** Who asks for a change, and why. */
export interface Author {
  readonly by: string;
  readonly reason?: string;
}

/** Who does what time brings. */
export const server = 'Switchyard';

/** `routes/shop/rules/everyone`, `services/catalog/endpoints/10.0.0.1:8080` or `services/catalog`. */
export function targetOf(key: OverrideKey): string {
  if (key.kind === 'shift') return `routes/${key.route}/rules/${key.rule}`;
  if (key.kind === 'endpoint') return `services/${key.service}/endpoints/${key.address}`;
  return `${key.of}s/${key.name}`;
}

/** An override in one line, such as `services/catalog/endpoints/10.0.0.1:8080: draining`. */
export function overrideLine(override: Override): string {
  const says = overrideSays(override);
  return `${targetOf(override)}: ${says}`;
}

function overrideSays(override: Override): string {
  if (override.kind === 'maintenance') return 'in maintenance';
  if (override.kind === 'shift') {
    return `weights ${Object.entries(override.weights)
      .map(([destination, weight]) => `${destination}=${weight}`)
      .join(' ')}`;
  }
  const { state, weight } = override;
  return [...(state ? [state] : []), ...(weight === undefined ? [] : [`weight ${weight}`])].join(', ');
}

/** A decision as a change that is written down; undefined where nothing changes. */
export function changeOf(decision: Decision, author: Author, at: number): Change | undefined {
  const about = { at, author: author.by, source: 'api' as const, reason: author.reason ?? '' };
  switch (decision.kind) {
    case 'put': {
      const { by, reason = '' } = decision.override;
      return { ...about, author: by, reason, what: overrideLine(decision.override) };
    }
    case 'end':
      return { ...about, what: `${targetOf(decision.override)}: the override has ended` };
    case 'change':
      return { ...about, what: endpointsLine(decision) };
    case 'expire':
      return byItself(at, `${targetOf(decision.override)}: its time was up`);
    case 'move':
      return byItself(at, `${targetOf(decision.override)}: the time of its sessions was up`);
    case 'keep':
    case 'answer':
      return undefined;
  }
}

/** What the server does without being asked. */
export function byItself(at: number, what: string): Change {
  return { at, author: server, source: 'server', reason: '', what };
}

function endpointsLine({ service, put, end }: Extract<Decision, { readonly kind: 'change' }>): string {
  const [first] = put;
  const all = `services/${service}: endpoints`;
  if (!first) return `${all}: ${end.length} overrides have ended`;
  return `${all}: ${put.length} ${overrideSays(first)}`;
}

const kinds = ['services', 'routes', 'gateways', 'fleets'] as const;
const mostNamed = 6;

const countOf = (kind: (typeof kinds)[number], count: number) => `${count} ${count === 1 ? kind.slice(0, -1) : kind}`;

/** What of a policy is another, in one line: `services/catalog changed, routes/new added`. */
export function policyChange(before: Policy | undefined, after: Policy): string {
  if (!before) {
    return `the first policy: ${kinds.map(kind => countOf(kind, Object.keys(after[kind]).length)).join(', ')}`;
  }
  const found = kinds.flatMap(kind => changesOf(kind, before[kind], after[kind]));
  const more = found.length > mostNamed ? [`and ${found.length - mostNamed} more`] : [];
  return [...found.slice(0, mostNamed), ...more].join(', ') || 'nothing that matters to a fleet';
}

function changesOf(kind: string, before: object, after: object): readonly string[] {
  // The parts of a new policy that did not change are the old objects.
  const changed = changedNames(before, after);
  if (changed) return changed.map(name => `${kind}/${name} changed`);
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const gone = [...old.keys()].filter(name => !now.has(name)).map(name => `${kind}/${name} removed`);
  const others = [...now].flatMap(([name, value]) => {
    if (!old.has(name)) return [`${kind}/${name} added`];
    return old.get(name) === value ? [] : [`${kind}/${name} changed`];
  });
  return [...others, ...gone];
}
