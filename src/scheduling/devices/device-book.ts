// Devices on a fork: who has which, what a pod's claims would get on a node, and what placing and removing pods changes.
// Every change is undone by `undo`, last first. Pods without claims and without resources that a class serves never get here.
// Above 250 lines: everything that is undone together stands together.
import type { ClusterObjects, PodObject, PodShape, Resources } from '../../cluster/cluster-objects.ts';
import type { ClaimAllocation, DeviceClassObject, ResourceClaimObject } from '../../cluster/device-objects.ts';
import type { NodeFacts } from '../node-facts.ts';
import { fail, type Refusal, refuse } from '../refusal.ts';
import { type AllocationContext, claimKey, planClaim, type PlannedClaim } from './allocation-plan.ts';
import { AllocationSearch } from './allocation-search.ts';
import type { AllocationFault } from './allocation-fault.ts';
import { isAvailable } from './claim-readiness.ts';
import { claimsOf, failBefore, PLUGIN, requestsRefusal } from './claim-lookup.ts';
import { isReadable } from './device-pools.ts';
import { DeviceState } from './device-state.ts';
import { classesByResource, extendedClaim } from './extended-resources.ts';
import { NodePools } from './node-pools.ts';
import { Selectors } from './selectors.ts';

export interface DeviceNode {
  readonly facts: NodeFacts;
  readonly allocatable: Resources;
}

/** Devices looked at for all pods and nodes of one fork: some seconds of hostile claims, a hundred times what a plan over
 *  5,000 nodes with 8 devices each takes. */
const STEPS_IN_ALL_MAX = 20_000_000;

/** What a pod's claims get on one node. */
interface Allocated {
  /** Key of the claim, or none for extended resources. */
  readonly claim: string | undefined;
  readonly allocation: ClaimAllocation;
}

/** One step that can be undone. */
type Step =
  | { readonly kind: 'allocation'; readonly claim: string; readonly before: ClaimAllocation | undefined }
  | { readonly kind: 'users'; readonly claim: string; readonly by: 1 | -1 }
  | { readonly kind: 'extended'; readonly pod: PodObject; readonly before: ClaimAllocation | undefined };

export class DeviceBook {
  readonly #objects: ClusterObjects;
  readonly #claims: ReadonlyMap<string, ResourceClaimObject>;
  readonly #classes: ReadonlyMap<string, DeviceClassObject>;
  readonly #served: ReadonlyMap<string, DeviceClassObject>;
  readonly #pools: NodePools;
  readonly #selectors = new Selectors();
  readonly #state = new DeviceState();
  /** As they are now; absent: not allocated. */
  readonly #allocations = new Map<string, ClaimAllocation>();
  /** Claim → pods on nodes that use it. */
  readonly #users = new Map<string, number>();
  /** What pods placed on the fork got for extended resources. */
  readonly #extended = new Map<PodObject, ClaimAllocation>();
  /** Uid of a pod → claims that the scheduler made for its extended resources. */
  readonly #madeFor = new Map<string, readonly string[]>();
  readonly #log: (readonly Step[])[] = [];
  #version = 0;
  #steps = 0;
  #last: { shape: PodShape; node: string; version: number; result: readonly Allocated[] | Refusal } | undefined;

  constructor(objects: ClusterObjects) {
    this.#objects = objects;
    this.#claims = new Map((objects.resourceClaims ?? []).map((claim) => [`${claim.namespace}/${claim.name}`, claim]));
    this.#classes = new Map((objects.deviceClasses ?? []).map((one) => [one.name, one]));
    this.#served = classesByResource(objects.deviceClasses ?? []);
    this.#pools = new NodePools(objects);
    for (const [key, { allocation, extendedFor }] of this.#claims) {
      if (allocation !== undefined) this.#setAllocation(key, allocation);
      if (extendedFor === undefined) continue;
      this.#madeFor.set(extendedFor.podUid, [...(this.#madeFor.get(extendedFor.podUid) ?? []), key]);
    }
    for (const { shape, nodeName, phase } of objects.pods) {
      if (shape.resourceClaims === undefined || nodeName === '' || phase === 'Succeeded' || phase === 'Failed')
        continue;
      for (const key of this.#keysOf(shape)) this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
    }
  }

  /** Said of the pod before any node is looked at. */
  podRefusal(shape: PodShape): Refusal | undefined {
    if (shape.resourceClaims === undefined) return undefined;
    if (this.#objects.resourceClaims === undefined) {
      return refuse(PLUGIN, 'resource claims cannot be judged, because ResourceClaims are not watched here');
    }
    const claims = claimsOf(shape, this.#claims);
    if ('plugin' in claims) return claims;
    for (const claim of claims) {
      const allocation = this.#allocations.get(keyOf(claim));
      if (allocation === undefined) {
        const refusal = requestsRefusal(claim, this.#classes);
        if (refusal !== undefined) return refusal;
      } else if (allocation.nodeSelector !== undefined && !isReadable(allocation.nodeSelector)) {
        return failBefore(`the node selector of the allocation of claim ${claimKey(claim)} cannot be read`);
      }
    }
    return undefined;
  }

  /** Why the pod's claims, which podRefusal let pass, cannot be had on the node. `pod`: the pod itself, when it is known. */
  nodeRefusal(shape: PodShape, node: DeviceNode, pod?: PodObject): Refusal | undefined {
    if (pod !== undefined && this.#hasStaleClaim(pod)) return refuse(PLUGIN, 'cannot schedule extended resource claim');
    const result = this.#allocate(shape, node);
    return 'plugin' in result ? result : undefined;
  }

  /** The pod is on the node from now on: its claims have devices, if they can be had. */
  take(pod: PodObject, node: DeviceNode): void {
    const steps: Step[] = [];
    const result = this.podRefusal(pod.shape) === undefined ? this.#allocate(pod.shape, node) : [];
    this.#version += 1;
    for (const { claim, allocation } of 'plugin' in result ? [] : result) {
      if (claim !== undefined) {
        steps.push({ kind: 'allocation', claim, before: this.#allocations.get(claim) });
        this.#setAllocation(claim, allocation);
      } else {
        steps.push({ kind: 'extended', pod, before: this.#extended.get(pod) });
        this.#setExtended(pod, allocation);
      }
    }
    for (const claim of this.#keysOf(pod.shape)) steps.push(this.#use(claim, 1));
    this.#log.push(steps);
  }

  /** The pods are off their node: devices of claims that no other pod uses are free again, as they would be soon. */
  release(pods: readonly PodObject[]): void {
    this.#version += 1;
    const steps: Step[] = [];
    for (const pod of pods) {
      if (this.#extended.has(pod)) {
        steps.push({ kind: 'extended', pod, before: this.#extended.get(pod) });
        this.#setExtended(pod, undefined);
      }
      const made = this.#claimsMadeFor(pod);
      for (const claim of [...this.#keysOf(pod.shape), ...made]) {
        if (!made.includes(claim)) steps.push(this.#use(claim, -1));
        if ((this.#users.get(claim) ?? 0) > 0 || !this.#allocations.has(claim)) continue;
        steps.push({ kind: 'allocation', claim, before: this.#allocations.get(claim) });
        this.#setAllocation(claim, undefined);
      }
    }
    this.#log.push(steps);
  }

  /** Takes back the last `take` or `release`. */
  undo(): void {
    this.#version += 1;
    const steps = this.#log.pop();
    if (steps === undefined) throw new Error('nothing was done on the devices that could be undone');
    for (const step of steps.toReversed()) {
      switch (step.kind) {
        case 'allocation':
          this.#setAllocation(step.claim, step.before);
          break;
        case 'users':
          this.#users.set(step.claim, (this.#users.get(step.claim) ?? 0) - step.by);
          break;
        case 'extended':
          this.#setExtended(step.pod, step.before);
          break;
      }
    }
  }

  /** Devices that the pod's claims have now, `driver/pool/device`, sorted: for tests and explanations. */
  devicesOf(pod: PodObject): readonly string[] {
    const allocations = this.#keysOf(pod.shape).flatMap((claim) => this.#allocations.get(claim) ?? []);
    const extended = this.#extended.get(pod);
    return [...allocations, ...(extended === undefined ? [] : [extended])]
      .flatMap(({ devices }) => devices.map(({ driver, pool, device }) => `${driver}/${pool}/${device}`))
      .sort();
  }

  #allocate(shape: PodShape, node: DeviceNode): readonly Allocated[] | Refusal {
    const last = this.#last;
    if (last?.shape === shape && last.node === node.facts.name && last.version === this.#version) return last.result;
    const result = this.#allocateAnew(shape, node);
    this.#last = { shape, node: node.facts.name, version: this.#version, result };
    return result;
  }

  #allocateAnew(shape: PodShape, { facts, allocatable }: DeviceNode): readonly Allocated[] | Refusal {
    const named = claimsOf(shape, this.#claims);
    if ('plugin' in named) return named;
    const extended = this.#served.size === 0 ? undefined : extendedClaim(shape, { served: this.#served, allocatable });
    const open = named.filter((claim) => !this.#allocations.has(keyOf(claim)));
    const wanted = [...open, ...(extended === undefined ? [] : [extended])];
    const allocations = wanted.length === 0 ? [] : this.#search(wanted, facts);
    if ('plugin' in allocations) return allocations;
    const unavailable = named.some((claim) => {
      const allocation = this.#allocations.get(keyOf(claim));
      return (
        allocation !== undefined && !isAvailable(claim, { allocation, node: facts, nowMs: this.#objects.observedAtMs })
      );
    });
    if (unavailable) return refuse(PLUGIN, 'resourceclaim not available on the node');
    return allocations.map((allocation, index) => {
      const claim = open[index];
      return { claim: claim && keyOf(claim), allocation };
    });
  }

  #search(claims: readonly ResourceClaimObject[], facts: NodeFacts): readonly ClaimAllocation[] | Refusal {
    if (this.#steps > STEPS_IN_ALL_MAX) {
      return refuse('Sluice', 'the search for devices takes too many steps in all');
    }
    const pools = this.#pools.of(facts);
    if ('kind' in pools) return refusalOf(pools);
    const context: AllocationContext = { node: facts, pools, classes: this.#classes, selectors: this.#selectors };
    const planned: PlannedClaim[] = [];
    for (const claim of claims) {
      const plan = planClaim(claim, context);
      if ('kind' in plan) return this.#orUnknown(facts, refusalOf(plan));
      planned.push(plan);
    }
    const search = new AllocationSearch(planned, { context, state: this.#state });
    const outcome = search.run();
    this.#steps += search.steps;
    if (outcome === 'none') return this.#orUnknown(facts, refuse(PLUGIN, 'cannot allocate all claims'));
    return 'kind' in outcome ? this.#orUnknown(facts, refusalOf(outcome)) : outcome;
  }

  /** A node that does not exist yet, and no node like it to learn from: its devices may do, we cannot say. */
  #orUnknown(facts: NodeFacts, refusal: Refusal): Refusal {
    if (!this.#pools.isUnknown(facts)) return refusal;
    return refuse(
      'Sluice',
      'the devices of new nodes are not known, as no Ready node of the pool and flavor shows ResourceSlices',
    );
  }

  /** Made for the pod's extended resources in an earlier attempt: the scheduler deletes it first. */
  #hasStaleClaim(pod: PodObject): boolean {
    if (!this.#concernsExtended(pod.shape)) return false;
    return this.#claimsMadeFor(pod).some((key) => this.#claims.get(key)?.requests !== undefined);
  }

  #concernsExtended({ requests }: PodShape): boolean {
    for (const [name, amount] of requests.extended) if (amount !== 0 && this.#served.has(name)) return true;
    return false;
  }

  #claimsMadeFor(pod: PodObject): readonly string[] {
    const made = this.#madeFor.get(pod.uid) ?? [];
    return made.filter((key) => this.#claims.get(key)?.extendedFor?.podName === pod.name);
  }

  #keysOf(shape: PodShape): readonly string[] {
    const keys: string[] = [];
    for (const entry of shape.resourceClaims ?? []) {
      if (entry.kind === 'named' || entry.kind === 'generated') keys.push(`${shape.namespace}/${entry.claim}`);
    }
    return keys;
  }

  #use(claim: string, by: 1 | -1): Step {
    this.#users.set(claim, (this.#users.get(claim) ?? 0) + by);
    return { kind: 'users', claim, by };
  }

  #setAllocation(claim: string, allocation: ClaimAllocation | undefined): void {
    const before = this.#allocations.get(claim);
    if (before !== undefined) this.#state.count(before.devices, -1);
    if (allocation === undefined) this.#allocations.delete(claim);
    else this.#allocations.set(claim, allocation);
    if (allocation !== undefined) this.#state.count(allocation.devices, 1);
  }

  #setExtended(pod: PodObject, allocation: ClaimAllocation | undefined): void {
    const before = this.#extended.get(pod);
    if (before !== undefined) this.#state.count(before.devices, -1);
    if (allocation === undefined) this.#extended.delete(pod);
    else this.#extended.set(pod, allocation);
    if (allocation !== undefined) this.#state.count(allocation.devices, 1);
  }
}

function keyOf({ namespace, name }: ResourceClaimObject): string {
  return `${namespace}/${name}`;
}

function refusalOf({ kind, message }: AllocationFault): Refusal {
  if (kind === 'error') return fail(PLUGIN, `running "${PLUGIN}" filter plugin: ${message}`);
  return refuse(kind === 'node' ? PLUGIN : 'Sluice', message);
}
