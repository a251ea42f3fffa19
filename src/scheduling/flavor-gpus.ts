// GPUs of a flavor, from what OpenStack says of it.
import type { Flavor } from '../cluster/cluster-objects.ts';

/** Name under which the usual device plugin announces them. Flavors do not say whose GPUs they are. */
export const GPU_RESOURCE = 'nvidia.com/gpu';

/** GPUs that Nova gives a server of this flavor: whole ones by PCI alias, virtual ones by resource class. */
export function flavorGpus(flavor: Flavor): number {
  const virtual = Number.parseInt(flavor.extraSpecs.get('resources:VGPU') ?? '0', 10);
  const aliases = flavor.extraSpecs.get('pci_passthrough:alias') ?? '';
  let gpus = Number.isNaN(virtual) ? 0 : virtual;
  for (const alias of aliases.split(',')) {
    const count = Number.parseInt(alias.slice(alias.indexOf(':') + 1), 10);
    if (alias.includes(':') && !Number.isNaN(count)) gpus += count;
  }
  return gpus;
}
