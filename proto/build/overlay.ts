import protobuf from 'protobufjs';

/**
 * Moves what an overlay file declares into the root that holds the published API.
 *
 * New messages, enums and services are added. A message or enum that exists already gains the fields, oneof members,
 * nested types and values declared again under its name. Declaring something that the published API has by now is an
 * error, so that the overlay shrinks when the package catches up.
 */
export function mergeOverlay(root: protobuf.Root, overlay: protobuf.Root, file: string): void {
  mergeNamespace(root, overlay, file);
}

function mergeNamespace(target: protobuf.NamespaceBase, source: protobuf.NamespaceBase, file: string): void {
  for (const child of [...source.nestedArray]) {
    const existing = target.get(child.name);
    if (existing === null) {
      source.remove(child);
      target.add(child);
    } else if (existing instanceof protobuf.Type && child instanceof protobuf.Type) {
      mergeMessage(existing, child, file);
    } else if (existing instanceof protobuf.Enum && child instanceof protobuf.Enum) {
      mergeEnum(existing, child, file);
    } else if (isPackage(existing) && isPackage(child)) {
      mergeNamespace(existing, child, file);
    } else {
      throw clash(file, child.fullName);
    }
  }
}

function isPackage(value: protobuf.ReflectionObject): value is protobuf.Namespace {
  return value instanceof protobuf.Namespace && !(value instanceof protobuf.Type || value instanceof protobuf.Service);
}

function mergeMessage(target: protobuf.Type, source: protobuf.Type, file: string): void {
  for (const field of [...source.fieldsArray]) {
    if (target.get(field.name) !== null || target.fieldsById[field.id] !== undefined) throw clash(file, field.fullName);
    const oneof = field.partOf;
    oneof?.remove(field);
    source.remove(field);
    if (oneof) oneofOf(target, oneof).add(field);
    else target.add(field);
  }
  mergeNamespace(target, source, file);
}

function oneofOf(target: protobuf.Type, declared: protobuf.OneOf): protobuf.OneOf {
  const existing = target.oneofs?.[declared.name];
  if (existing) return existing;
  const created = new protobuf.OneOf(declared.name, undefined, declared.options);
  target.add(created);
  return created;
}

function mergeEnum(target: protobuf.Enum, source: protobuf.Enum, file: string): void {
  for (const [name, number] of Object.entries(source.values)) {
    // proto3 wants a first value of zero, so an addition repeats it.
    if (number === 0 && target.values[name] === 0) continue;
    if (name in target.values) throw clash(file, `${source.fullName}.${name}`);
    target.add(name, number);
  }
}

function clash(file: string, name: string): Error {
  return new Error(`overlay ${file}: ${name.replace(/^\./, '')} exists already. Take it out of the overlay.`);
}
