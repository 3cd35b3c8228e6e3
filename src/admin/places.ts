import { formatPath } from '../base/problem.ts';
import type { Control } from '../control/control.ts';
import type { PlaceReply } from './api.ts';

/** A content, and what proxies say of it. */
interface Content {
  readonly typeUrl: string;
  readonly name: string;
  readonly message: string;
}

/** Where in the policy a content of a fleet comes from; empty for none. */
export type Places = (fleet: string | undefined, content: Content) => PlaceReply;

/** Looks them up in what is in force, each once however many proxies ask for it. For the length of one request. */
export function placesIn(control: Pick<Control, 'origin'>): Places {
  const known = new Map<string, PlaceReply>();
  return (fleet, { typeUrl, name, message }) => {
    if (fleet === undefined) return nowhere;
    const key = JSON.stringify([fleet, typeUrl, name, message]);
    const place = known.get(key) ?? placeOf(control, fleet, typeUrl, name, { words: message });
    known.set(key, place);
    return place;
  };
}

/** For who does not show them. */
export const noPlaces: Places = () => nowhere;

const nowhere: PlaceReply = {};

/** Where in the policy a resource of a fleet comes from, as near as the clue allows; empty where that is not known. */
export function placeOf(
  control: Pick<Control, 'origin'>,
  fleet: string,
  typeUrl: string,
  name: string,
  clue: Parameters<Control['origin']>[3],
): PlaceReply {
  const origin = control.origin(fleet, typeUrl, name, clue);
  return origin ? { path: formatPath(origin.path), ...origin.source } : nowhere;
}

/** ` at switchyard.yaml:12:5`, for a sentence; where it stands in no file, its path; empty where nothing is known. */
export function atPlace({ path, file, line, column }: PlaceReply): string {
  if (file !== undefined) return ` at ${file}:${line}:${column}`;
  return path === undefined ? '' : ` at ${path}`;
}
