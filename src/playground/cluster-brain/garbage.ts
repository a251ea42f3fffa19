// Objects that go because something else went: dependents of owners, contents of namespaces, objects of removed kinds.
import { fieldsOf, textOf } from '../untyped.ts';
import type { BrainContext } from './brain-context.ts';

/** Removes objects all of whose owners are gone, and what stands in a namespace that is being deleted. */
export function collectGarbage(context: BrainContext): void {
  const kinds = context.api.catalog.all();
  const uids = new Set<string>();
  for (const kind of kinds) for (const object of context.list(kind.plural)) uids.add(object.metadata.uid);
  const ending = new Set(
    context
      .list('namespaces')
      .filter((namespace) => namespace.metadata.deletionTimestamp !== undefined)
      .map((namespace) => namespace.metadata.name),
  );
  for (const kind of kinds) {
    for (const object of context.list(kind.plural)) {
      const owners = object.metadata.ownerReferences ?? [];
      const orphaned = owners.length > 0 && owners.every((owner) => !uids.has(owner.uid));
      const homeless = ending.has(object.metadata.namespace ?? '');
      if ((orphaned || homeless) && object.metadata.deletionTimestamp === undefined)
        context.remove(kind.plural, object);
    }
  }
}

/** PersistentVolumes whose claim is gone go too, as with reclaim policy Delete. */
export function collectVolumes(context: BrainContext): void {
  for (const volume of context.list('persistentvolumes')) {
    const claim = fieldsOf(fieldsOf(volume['spec'])['claimRef']);
    const name = textOf(claim['name']);
    if (name === '') continue;
    const bound = context.get('persistentvolumeclaims', name, textOf(claim['namespace']));
    if (bound === undefined && fieldsOf(volume['spec'])['persistentVolumeReclaimPolicy'] === 'Delete') {
      context.remove('persistentvolumes', volume);
    }
  }
}
