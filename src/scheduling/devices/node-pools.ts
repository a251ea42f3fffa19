// The pools of each node, gathered once. A node that does not exist yet has those of a node like it: slices of that node
// alone, under a name of their own, because each such node brings its own devices.
import type { NodeClaim } from '../../api/node-claim.ts';
import type { ClusterObjects } from '../../cluster/cluster-objects.ts';
import type { ResourceSliceObject } from '../../cluster/device-objects.ts';
import type { NodeFacts } from '../node-facts.ts';
import type { AllocationFault } from './allocation-fault.ts';
import { type DevicePool, gatherPools, SliceIndex } from './device-pools.ts';
import { claimsToCome, likeNode } from './like-nodes.ts';

type Pools = readonly DevicePool[] | AllocationFault;

export class NodePools {
  readonly #objects: ClusterObjects;
  readonly #index: SliceIndex;
  readonly #known = new Map<NodeFacts, Pools>();
  readonly #toCome: ReadonlyMap<string, NodeClaim>;
  /** By pool and flavor. */
  readonly #like = new Map<string, string>();

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
    this.#index = new SliceIndex(objects.resourceSlices ?? []);
    this.#toCome = claimsToCome(objects);
  }

  /** It shows no devices yet, and there is no node to learn from. */
  isUnknown(node: NodeFacts): boolean {
    return this.#likeOf(node) === '';
  }

  of(node: NodeFacts): Pools {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const pools = gatherPools(node, { local: this.#localSlices(node), index: this.#index });
    this.#known.set(node, pools);
    return pools;
  }

  #localSlices(node: NodeFacts): readonly ResourceSliceObject[] {
    const like = this.#likeOf(node);
    const { name } = node;
    if (like === undefined || like === '') return this.#index.localSlices(name);
    // A pool that has slices elsewhere too (a switch, a fabric) does not come again with each node.
    return this.#index
      .localSlices(like)
      .filter((slice) => this.#index.poolSlices(slice).every((one) => one.nodeName === like))
      .map((slice) => ({ ...slice, name: `${slice.name}@${name}`, pool: `${slice.pool}@${name}`, nodeName: name }));
  }

  /** undefined: it shows its own devices, or is a node that will not show any. */
  #likeOf({ name, devicesLike }: NodeFacts): string | undefined {
    if (this.#index.localSlices(name).length > 0) return undefined;
    if (devicesLike !== undefined) return devicesLike;
    const claim = this.#toCome.get(name);
    if (claim === undefined) return undefined;
    const key = JSON.stringify([claim.spec.poolUid, claim.spec.flavor]);
    const like = this.#like.get(key) ?? likeNode(this.#objects, claim.spec);
    this.#like.set(key, like);
    return like;
  }
}
