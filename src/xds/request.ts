import type { Buffer } from 'node:buffer';
import protobuf, { type Reader } from 'protobufjs/minimal.js';
import { beyond, defaultLimits, type XdsLimits } from './limits.ts';
import type { DeltaRequest, RequestError, SotwRequest } from './machine.ts';
import { type NameList, nameListOf } from './name-list.ts';
import { type Middle, PlainRequests, type PlainShape } from './plain-requests.ts';
import { resourceType } from './resource-type.ts';
import { eachField } from './wire.ts';

/** A request with the bytes of its node, if it bears one. */
export type Received<Request> = Request & { readonly node: Uint8Array | undefined };

/** Tag of `resource_names` and of `resource_names_subscribe`: field 3, length-delimited. */
const namesTag = (3 << 3) | 2;
const sotwShape: PlainShape = { version: 1, nonce: 5 };
const deltaShape: PlainShape = { version: undefined, nonce: 6 };
const noNames: readonly string[] = [];
const hasNothing: ReadonlyMap<string, string> = new Map();

/** The one text of a type that is known, and not one for each stream. */
function typeUrlIn(reader: Reader): string {
  return resourceType(reader.string()).typeUrl;
}

/**
 * Reads the requests of one stream. An acknowledgement repeats every name of a SotW subscription, and proxies of a fleet
 * subscribe to the same, so lists that were sent before are recognised by their bytes, and the identical list is returned.
 *
 * Throws when the bytes are no such request, and a LimitError when it has more names, or longer ones, than may be.
 */
export class RequestReader {
  readonly #lists = new Set<NameList>();
  #wholes = 0;
  /** Mostly a stream speaks one variant. */
  #sotw: PlainRequests | undefined;
  #delta: PlainRequests | undefined;
  readonly #limits: Pick<XdsLimits, 'names' | 'nameLength'>;

  constructor(limits: Pick<XdsLimits, 'names' | 'nameLength'> = defaultLimits) {
    this.#limits = limits;
  }

  /** How many requests were read field by field so far: others were known but for version and nonce. */
  get wholes(): number {
    return this.#wholes;
  }

  sotw(bytes: Buffer): Received<SotwRequest> {
    this.#sotw ??= new PlainRequests(sotwShape);
    const middle = this.#sotw.middleOf(bytes);
    const known = middle && this.#sotw.said(bytes, middle);
    if (!known) return this.#wholeSotw(bytes, middle);
    const { typeUrl, names } = known;
    const versionInfo = middle.from > 0 ? bytes.toString('utf8', 2, middle.from) : '';
    return {
      typeUrl,
      versionInfo,
      names,
      nonce: bytes.toString('utf8', middle.to + 2),
      error: undefined,
      node: undefined,
    };
  }

  delta(bytes: Buffer): Received<DeltaRequest> {
    this.#delta ??= new PlainRequests(deltaShape);
    const middle = this.#delta.middleOf(bytes);
    const known = middle && this.#delta.said(bytes, middle);
    if (!known) return this.#wholeDelta(bytes, middle);
    const { typeUrl, names: subscribe } = known;
    const nonce = bytes.toString('utf8', middle.to + 2);
    return { typeUrl, subscribe, unsubscribe: noNames, has: hasNothing, nonce, error: undefined, node: undefined };
  }

  #wholeSotw(bytes: Buffer, middle: Middle | undefined): Received<SotwRequest> {
    this.#wholes += 1;
    const request = { typeUrl: '', versionInfo: '', nonce: '' };
    const runs: (readonly string[])[] = [];
    let error: RequestError | undefined;
    let node: Uint8Array | undefined;
    const places: number[] = [];
    eachField(bytes, (field, reader) => {
      if (field !== 3 && field !== 4) places.push(reader.pos - 1);
      if (field === 1) request.versionInfo = reader.string();
      else if (field === 2) node = reader.bytes();
      else if (field === 3 && bytes[reader.pos - 1] === namesTag) this.#readNames(runs, bytes, reader);
      else if (field === 4) request.typeUrl = typeUrlIn(reader);
      else if (field === 5) request.nonce = reader.string();
      else if (field === 6) error = readStatus(reader.bytes());
      else return false;
      return true;
    });
    const names = joined(runs);
    if (middle && isAround(middle, places)) this.#sotw?.remember(bytes, middle, { typeUrl: request.typeUrl, names });
    return { ...request, names, error, node };
  }

  #wholeDelta(bytes: Buffer, middle: Middle | undefined): Received<DeltaRequest> {
    this.#wholes += 1;
    const request = { typeUrl: '', unsubscribe: [] as string[], nonce: '' };
    const runs: (readonly string[])[] = [];
    let has: Map<string, string> | undefined;
    let error: RequestError | undefined;
    let node: Uint8Array | undefined;
    const places: number[] = [];
    eachField(bytes, (field, reader) => {
      if (field !== 2 && field !== 3) places.push(reader.pos - 1);
      if (field === 1) node = reader.bytes();
      else if (field === 2) request.typeUrl = typeUrlIn(reader);
      else if (field === 3 && bytes[reader.pos - 1] === namesTag) this.#readNames(runs, bytes, reader);
      else if (field === 4) request.unsubscribe.push(this.#name(reader, request.unsubscribe.length));
      else if (field === 5) has = (has ?? new Map<string, string>()).set(...this.#held(reader, has?.size ?? 0));
      else if (field === 6) request.nonce = reader.string();
      else if (field === 7) error = readStatus(reader.bytes());
      else return false;
      return true;
    });
    const subscribe = joined(runs);
    const said = { typeUrl: request.typeUrl, names: subscribe };
    if (middle && isAround(middle, places)) this.#delta?.remember(bytes, middle, said);
    return { ...request, subscribe, has: has ?? hasNothing, error, node };
  }

  /** Any other tag of the field is no name, and is left to be skipped as what is unknown is. */
  #readNames(runs: (readonly string[])[], bytes: Buffer, reader: Reader): void {
    const many = runs.length >= maxLists;
    runs.push(many ? [this.#name(reader, runs.length)] : this.#names(bytes, reader));
  }

  /** A text that is the name after so many others. */
  #name(reader: Reader, before: number): string {
    this.#count(before + 1);
    const name = reader.string();
    this.#measure(name.length);
    return name;
  }

  #held(reader: Reader, before: number): [string, string] {
    this.#count(before + 1);
    const bytes = reader.bytes();
    this.#measure(bytes.length);
    return readPair(bytes);
  }

  #count(names: number): void {
    if (names > this.#limits.names) throw beyond(this.#limits, 'names', `more than ${this.#limits.names} names`);
  }

  #measure(length: number): void {
    if (length > this.#limits.nameLength) throw beyond(this.#limits, 'nameLength', `a name of ${length} bytes`);
  }

  /** Reads the run of names whose first tag the reader has just passed. */
  #names(bytes: Buffer, reader: Reader): readonly string[] {
    const start = reader.pos - 1;
    for (const list of this.#lists) {
      const end = start + list.bytes.length;
      if (end <= bytes.length && bytes[end] !== namesTag && bytes.compare(list.bytes, 0, undefined, start, end) === 0) {
        reader.pos = end;
        return list.names;
      }
    }
    reader.pos = start;
    for (let count = 1; reader.pos < reader.len && bytes[reader.pos] === namesTag; count++) {
      this.#count(count);
      reader.pos++;
      const length = reader.uint32();
      this.#measure(length);
      reader.skip(length);
    }
    const run = bytes.subarray(start, reader.pos);
    const list = nameListOf(run, () => namesIn(run));
    this.#remember(list);
    return list.names;
  }

  /** One list for each type of a stream is enough; the oldest goes. */
  #remember(list: NameList): void {
    this.#lists.add(list);
    const [oldest] = this.#lists;
    if (this.#lists.size > maxLists && oldest) this.#lists.delete(oldest);
  }
}

const maxLists = 8;

/**
 * True if the fields of a request but its type and names are just those around its middle.
 *
 * @param places where these begin.
 */
function isAround({ from, to }: Middle, places: readonly number[]): boolean {
  const [first, last] = places;
  return from === 0 ? places.length === 1 && first === to : places.length === 2 && first === 0 && last === to;
}

/** A single run stays the list that it is, so that what is remembered of it is found. */
function joined(runs: readonly (readonly string[])[]): readonly string[] {
  return runs.length > 1 ? runs.flat() : (runs[0] ?? noNames);
}

function namesIn(run: Buffer): readonly string[] {
  const names: string[] = [];
  const reader = protobuf.Reader.create(run);
  while (reader.pos < reader.len) {
    reader.pos++;
    names.push(reader.string());
  }
  return names;
}

function readPair(bytes: Uint8Array): [string, string] {
  const pair: [string, string] = ['', ''];
  eachField(bytes, (field, reader) => {
    if (field !== 1 && field !== 2) return false;
    pair[field === 1 ? 0 : 1] = reader.string();
    return true;
  });
  return pair;
}

/** Longest text of a rejection that is kept. */
const maxMessage = 8192;

function readStatus(bytes: Uint8Array): RequestError {
  const status = { code: 0, message: '' };
  eachField(bytes, (field, reader) => {
    if (field === 1) status.code = reader.int32();
    else if (field === 2) status.message = reader.string().slice(0, maxMessage);
    else return false;
    return true;
  });
  return status;
}
