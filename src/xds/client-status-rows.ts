import { Buffer } from 'node:buffer';
import { encode } from '../../proto/codec.ts';
import type { ConfigStatus } from '../../proto/gen/envoy.service.status.v3.ts';
import { memo1 } from '../base/memo.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { delimited, fieldHead, textField } from '../snapshot/wire.ts';
import { heldOf } from '../snapshot/withhold.ts';
import type { Rejected, Variant } from './events.ts';
import { secretUrl } from './resource-type.ts';

/** Where a client stands with a type; versions are of the type's published sets, or of what was made of them for it. */
export interface TypeView {
  readonly state: 'notAsked' | 'pending' | 'synced' | 'rejected';
  readonly sent: string | undefined;
  readonly acked: string | undefined;
  /** `at`: milliseconds since the epoch. */
  readonly rejection: { readonly version: string; readonly message: string; readonly at: number } | undefined;
}

/** A content that the client rejects, or that may be what it rejects. `at`: milliseconds since the epoch. */
export type RejectedView = Rejected & { readonly at: number };

/** Bytes of `ClientConfig`, field 3, in pieces: contents are those of the snapshot, and not copied. */
interface Rows {
  readonly pieces: readonly Uint8Array[];
  readonly length: number;
}

/** A set, and what a client has come to with it. */
interface Standing {
  readonly set: TypeSnapshot;
  readonly type: TypeView | undefined;
  /** Of the type. */
  readonly rejected: readonly RejectedView[];
  readonly variant: Variant;
  /** Without contents. */
  readonly bare: boolean;
}

/** Writes `GenericXdsConfig`s. What clients have in common is written once as long as its set is in force. */
export class ClientStatusRows {
  #written = 0;
  readonly #known = memo1((_set: TypeSnapshot) => new Map<string, Rows>());

  /** Sets that were written out so far. */
  get written(): number {
    return this.#written;
  }

  /** A row for each resource of the set. Secrets are named and never shown (P29). */
  of({ set, type, rejected, variant, bare: asked }: Standing): Rows {
    const bare = asked || set.typeUrl === secretUrl;
    const status = statusOf(set, type);
    const wholly = status === 'ERROR' && type?.rejection ? errorEnd(type.rejection) : undefined;
    const held = status === 'SYNCED' ? heldOf(set, type?.acked) : undefined;
    if (!wholly && rejected.length === 0 && (held === set || !held)) {
      const known = this.#known(set);
      const key = `${status} ${variant} ${bare}`;
      const rows = known.get(key) ?? this.#write(set, variant, bare, () => statuses[status]);
      known.set(key, rows);
      return rows;
    }
    const errors = new Map(rejected.map(each => [each.name, errorEnd({ ...each, version: set.version })]));
    return this.#write(set, variant, bare, ({ name, version }) => {
      const error = errors.get(name) ?? wholly;
      if (error) return error;
      return statuses[held && held.resources.get(name)?.version !== version ? 'STALE' : status];
    });
  }

  /** @param end the fields that say how far a resource has got. */
  #write(set: TypeSnapshot, variant: Variant, bare: boolean, end: (resource: EncodedResource) => Uint8Array): Rows {
    this.#written++;
    const type = textField(1, set.typeUrl);
    const pieces: Uint8Array[] = [];
    for (const resource of set.resources.values()) {
      const { name, version, value } = resource;
      const last = end(resource);
      const content = bare ? none : Buffer.concat([type, fieldHead(2, value.length)]);
      const rest = bare ? 0 : value.length;
      const fields = [type, textField(2, name), textField(3, variant === 'delta' ? version : set.version)];
      if (!bare) fields.push(fieldHead(4, content.length + rest), content);
      const length = fields.reduce((sum, each) => sum + each.length, rest + last.length);
      pieces.push(Buffer.concat([fieldHead(3, length), ...fields]));
      if (!bare) pieces.push(value);
      pieces.push(last);
    }
    const length = pieces.reduce((sum, each) => sum + each.length, 0);
    return { pieces: bare ? [Buffer.concat(pieces, length)] : pieces, length };
  }
}

const none = new Uint8Array();

function statusOf(set: TypeSnapshot, type: TypeView | undefined): keyof typeof statuses {
  if (type?.state === 'rejected') return 'ERROR';
  if (type?.sent === undefined) return 'NOT_SENT';
  return type.state === 'synced' && heldOf(set, type.acked) ? 'SYNCED' : 'STALE';
}

/** Fields 6 and 7, `config_status` and what is called so from the side of the client. */
const statuses = {
  SYNCED: Buffer.from([6 << 3, 1, 7 << 3, 3]),
  NOT_SENT: Buffer.from([6 << 3, 2]),
  STALE: Buffer.from([6 << 3, 3]),
  ERROR: Buffer.from([6 << 3, 4, 7 << 3, 4]),
} satisfies Partial<Record<ConfigStatus, Uint8Array>>;

function errorEnd({ version, message, at }: NonNullable<TypeView['rejection']>): Uint8Array {
  const lastAttempt = new Date(at).toISOString();
  const state = { last_update_attempt: lastAttempt, details: message, version_info: version };
  return Buffer.concat([statuses.ERROR, delimited(8, encode('envoy.admin.v3.UpdateFailureState', state))]);
}
