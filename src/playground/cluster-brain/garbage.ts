// Objects that go because something else went: dependents of owners, contents of namespaces, objects of removed kinds.
import { fieldsOf, textOf } from '../untyped.ts';
import { DEFINITION_FINALIZER } from '../kubernetes-api/admission.ts';
import type { BrainContext } from './brain-context.ts';

/** Removes objects all of whose owners are gone, and what stood in a namespace that is gone. */
export function collectGarbage(context: BrainContext): void {
  const kinds = context.api.catalog.all();
  const uids = new Set<string>();
  for (const kind of kinds) for (const object of context.list(kind.plural)) uids.add(object.metadata.uid);
  const namespaces = new Set(context.list('namespaces').map((namespace) => namespace.metadata.name));
  for (const kind of kinds) {
    for (const object of context.list(kind.plural)) {
      const { deletionTimestamp, namespace, ownerReferences = [] } = object.metadata;
      const orphaned = ownerReferences.length > 0 && ownerReferences.every((owner) => !uids.has(owner.uid));
      const homeless = namespace !== undefined && !namespaces.has(namespace);
      if ((orphaned || homeless) && deletionTimestamp === undefined) context.remove(kind.plural, object);
    }
  }
}

/** A definition that is being deleted takes its objects with it and goes when none is left. */
export function collectDefinitions(context: BrainContext): void {
  for (const definition of context.list('customresourcedefinitions')) {
    if (definition.metadata.deletionTimestamp === undefined) continue;
    const plural = textOf(fieldsOf(fieldsOf(definition['spec'])['names'])['plural']);
    const objects = context.list(plural);
    for (const object of objects) {
      if (object.metadata.deletionTimestamp === undefined) context.remove(plural, object);
    }
    if (context.list(plural).length > 0) continue;
    const finalizers = (definition.metadata.finalizers ?? []).filter((name) => name !== DEFINITION_FINALIZER);
    context.update('customresourcedefinitions', { ...definition, metadata: { ...definition.metadata, finalizers } });
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
