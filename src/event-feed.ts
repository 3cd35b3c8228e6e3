import { shortened } from './base/one-line.ts';
import { formatProblem, type Problem } from './base/problem.ts';
import { typeLabel } from './base/type-name.ts';
import type { Accepted, Control } from './control/control.ts';
import type { EventContent } from './events/event.ts';
import type { EventLog } from './events/event-log.ts';
import type { Fleet } from './fleet/fleet.ts';
import { shownWords } from './fleet/fold.ts';
import type { WithheldResource } from './fleet/proxy.ts';
import type { Override, Quarantine } from './policy/operational-state.ts';
import { overrideId, quarantineId } from './store/store.ts';
import { contentKey, type XdsEvent } from './xds/events.ts';

export interface EventFeedOptions {
  readonly control: Pick<Control, 'accepted' | 'rejected' | 'origin' | 'onChange'>;
  readonly fleet: Fleet;
  readonly events: EventLog;
  /** Milliseconds from the change to this acknowledgement, if it is one of a change. */
  readonly latency: (event: Extract<XdsEvent, { readonly kind: 'acked' }>, fleet: string) => number | undefined;
}

/** Characters of a text, and things of one kind that are told of for one change. */
const longest = 1000;
const mostOfAChange = 50;

/** Turns what changes in control and fleet into events. Told of every event of the xDS service, after the fleet. */
export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #proxies = new Map<number, { readonly proxy: string; fleet?: string; rejects: ReadonlySet<string> }>();
  #accepted: Accepted | undefined;
  #rejected: Control['rejected'];

  constructor(options: EventFeedOptions) {
    this.#options = options;
    this.#accepted = options.control.accepted;
    this.#rejected = options.control.rejected;
  }

  /** Follows the controller. @returns how to end it. */
  follow(): () => void {
    return this.#options.control.onChange(() => this.#changed());
  }

  see(event: XdsEvent): void {
    switch (event.kind) {
      case 'identified':
        this.#proxies.set(event.clientId, { proxy: event.node.id, rejects: new Set() });
        return;
      case 'assigned':
        this.#assigned(event);
        return;
      case 'closed':
        this.#closed(event);
        return;
      case 'limited':
        this.#add({ type: 'limit', message: event.message, ...this.#about(event.clientId), code: event.limit });
        return;
      case 'withheld':
        this.#withheld(event);
        return;
      case 'sent':
      case 'acked':
      case 'nacked':
        this.#exchanged(event);
        return;
    }
  }

  #assigned({ clientId, assignment }: Extract<XdsEvent, { readonly kind: 'assigned' }>): void {
    const known = this.#proxies.get(clientId);
    if (!known) return;
    const before = known.fleet;
    delete known.fleet;
    const { proxy } = known;
    if (assignment.kind === 'assigned') {
      const fleet = assignment.key;
      known.fleet = fleet;
      const moved = before === undefined ? 'has connected and is' : 'is now';
      if (before !== fleet)
        this.#add({ type: 'connected', message: `${proxy} ${moved} of fleet ${fleet}`, proxy, fleet });
      return;
    }
    const why = assignment.kind === 'ambiguous' ? `it fits several: ${assignment.keys.join(', ')}` : assignment.why;
    const fleet = assignment.kind === 'refused' ? { fleet: assignment.fleet } : {};
    this.#add({ type: 'connected', message: `${proxy} has connected and is given nothing: ${why}`, proxy, ...fleet });
  }

  #closed({ clientId, reason }: Extract<XdsEvent, { readonly kind: 'closed' }>): void {
    const about = this.#about(clientId);
    this.#proxies.delete(clientId);
    if (about.proxy === undefined) return;
    this.#add({ type: 'disconnected', message: `${about.proxy} has gone: ${reason}`, ...about });
  }

  #exchanged(event: Extract<XdsEvent, { readonly kind: 'sent' | 'acked' | 'nacked' }>): void {
    const { fleet, proxy } = this.#about(event.clientId);
    if (proxy === undefined) return;
    const resourceType = typeLabel(event.typeUrl);
    const about = { proxy, ...(fleet === undefined ? {} : { fleet }), resourceType, version: event.version };
    if (event.kind === 'sent') {
      const { resources, removed, bytes } = event;
      const gone = removed > 0 ? ` and the end of ${removed}` : '';
      this.#add({
        ...about,
        type: 'push',
        message: `${proxy} is sent ${resources} ${resourceType}${gone}, ${bytes} bytes`,
      });
    } else if (event.kind === 'nacked') {
      this.#add({ ...about, type: 'nack', message: `${proxy} rejects ${resourceType}: ${shownWords(event)}` });
    } else {
      const latency = fleet === undefined ? undefined : this.#options.latency(event, fleet);
      const after = latency === undefined ? {} : { latencyMs: Math.round(latency * 10) / 10 };
      this.#add({ ...about, type: 'ack', message: `${proxy} has acknowledged ${resourceType}`, ...after });
    }
  }

  /** What a proxy has come to reject beside what it did before, with its place. */
  #withheld({ clientId }: Extract<XdsEvent, { readonly kind: 'withheld' }>): void {
    const known = this.#proxies.get(clientId);
    if (!known) return;
    const rejects = this.#options.fleet.proxy(clientId)?.withheld?.rejects ?? [];
    const fresh = rejects.filter(each => !known.rejects.has(contentKey(each)));
    known.rejects = new Set(rejects.map(contentKey));
    for (const each of fresh.slice(0, mostOfAChange)) {
      const { typeUrl, name, version, message } = each;
      const type = typeLabel(typeUrl);
      const words = `${known.proxy} rejects ${type} ${name} and keeps what it had: ${message}`;
      const about = { proxy: known.proxy, ...(known.fleet === undefined ? {} : { fleet: known.fleet }) };
      const place = this.#place(known.fleet, each);
      this.#add({ type: 'reject', message: words, ...about, resourceType: type, resource: name, version, ...place });
    }
  }

  #about(clientId: number): { readonly proxy?: string; readonly fleet?: string } {
    const known = this.#proxies.get(clientId);
    if (!known) return {};
    return { proxy: known.proxy, ...(known.fleet === undefined ? {} : { fleet: known.fleet }) };
  }

  #changed(): void {
    const { accepted, rejected } = this.#options.control;
    const [before, refused] = [this.#accepted, this.#rejected];
    this.#accepted = accepted;
    this.#rejected = rejected;
    if (rejected && rejected !== refused) this.#refused(rejected);
    if (!accepted || accepted === before) return;
    this.#revision(before, accepted);
    this.#overrides(
      before?.overrides.map(each => each.override) ?? [],
      accepted.overrides.map(each => each.override),
    );
    this.#quarantines(before?.quarantines ?? [], accepted.quarantines);
    this.#problems(before?.warnings ?? [], accepted.warnings);
  }

  #revision(before: Accepted | undefined, { revision, snapshots }: Accepted): void {
    const { number, author, reason } = revision;
    if (before?.revision.number === number) return;
    const changed = [...snapshots].flatMap(([key, snapshot]) => (before?.snapshots.get(key) === snapshot ? [] : [key]));
    const touched = changed.length === 0 ? 'no fleet holds anything else' : `changes ${listed(changed)}`;
    const why = reason === '' ? '' : ` (${reason})`;
    const message = `revision ${number} by ${author}${why}: ${touched}`;
    this.#add({ type: 'revision', message, revision: number, author, reason: shortened(reason, longest) });
  }

  #refused({ problems, source }: NonNullable<Control['rejected']>): void {
    const errors = problems.filter(each => each.severity === 'error');
    const message = `a change by ${source} was not taken, and what was in force goes on: ${errors.length} errors`;
    this.#add({ type: 'refused', message });
    this.#problems([], errors);
  }

  #overrides(before: readonly Override[], after: readonly Override[]): void {
    const known = new Map(before.map(each => [overrideId(each), each]));
    const now = new Map(after.map(each => [overrideId(each), each]));
    const set = after.filter(each => known.get(overrideId(each)) !== each);
    const ended = before.filter(each => !now.has(overrideId(each)));
    for (const each of set.slice(0, mostOfAChange)) {
      const { by: author, reason } = each;
      const message = `${overrideTarget(each)}: ${overrideText(each)}, by ${author}`;
      this.#add({ type: 'override', message, author, ...(reason === undefined ? {} : { reason }) });
    }
    for (const each of ended.slice(0, mostOfAChange)) {
      this.#add({ type: 'override', message: `${overrideTarget(each)}: as declared again` });
    }
  }

  #quarantines(before: readonly Quarantine[], after: readonly Quarantine[]): void {
    const known = new Set(before.map(quarantineId));
    const now = new Set(after.map(quarantineId));
    const about = ({ fleet, typeUrl, name, version }: Quarantine) => {
      return { type: 'quarantine', fleet, resourceType: typeLabel(typeUrl), resource: name, version } as const;
    };
    for (const each of after.filter(one => !known.has(quarantineId(one))).slice(0, mostOfAChange)) {
      const message = `proxies of ${each.fleet} reject ${each.name}, so it is not sent any more: ${each.message}`;
      this.#add({ ...about(each), message, ...this.#place(each.fleet, each) });
    }
    for (const each of before.filter(one => !now.has(quarantineId(one))).slice(0, mostOfAChange)) {
      this.#add({ ...about(each), message: `${each.name} of ${each.fleet} is not in quarantine any more` });
    }
  }

  #problems(before: readonly Problem[], after: readonly Problem[]): void {
    const known = new Set(before.map(formatProblem));
    const fresh = after.filter(each => !known.has(formatProblem(each)));
    for (const each of fresh.slice(0, mostOfAChange)) {
      this.#add({ type: 'problem', message: formatProblem(each), code: each.code, ...each.source });
    }
  }

  #place(
    fleet: string | undefined,
    { typeUrl, name, message }: Pick<WithheldResource, 'typeUrl' | 'name' | 'message'>,
  ) {
    if (fleet === undefined) return {};
    return this.#options.control.origin(fleet, typeUrl, name, { words: message })?.source ?? {};
  }

  #add(content: EventContent): void {
    this.#options.events.add({ ...content, message: shortened(content.message, longest) });
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(', ');
  return names.length > 10 ? `${shown} and ${names.length - 10} more fleets` : shown;
}

/** What an override is about: `routes/shop/rules/everyone`. */
function overrideTarget(override: Override): string {
  if (override.kind === 'shift') return `routes/${override.route}/rules/${override.rule}`;
  if (override.kind === 'maintenance') return `${override.of}s/${override.name}`;
  return `services/${override.service}/endpoints/${override.address}`;
}

/** What it says: `weights catalog@v1=90 catalog@v2=10`. */
function overrideText(override: Override): string {
  if (override.kind === 'maintenance') return 'in maintenance';
  if (override.kind === 'shift') {
    return `weights ${Object.entries(override.weights)
      .map(([destination, weight]) => `${destination}=${weight}`)
      .join(' ')}`;
  }
  const { weight, state } = override;
  return [...(state === undefined ? [] : [state]), ...(weight === undefined ? [] : [`weight ${weight}`])].join(', ');
}
