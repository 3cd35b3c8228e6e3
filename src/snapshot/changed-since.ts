import { memo2 } from '../base/memo.ts';
import type { Resource } from '../base/resource.ts';

/** The resources that are other objects than those in their places before; undefined when names came, went or moved. */
export const changedSince = memo2(
  (before: readonly Resource[], resources: readonly Resource[]): readonly Resource[] | undefined => {
    if (before.length !== resources.length) return undefined;
    const changed: Resource[] = [];
    for (let at = 0; at < resources.length; at++) {
      const [old, resource] = [before[at], resources[at]];
      if (old === resource || !resource) continue;
      if (old?.name !== resource.name || old.type !== resource.type) return undefined;
      changed.push(resource);
    }
    return changed;
  },
);
