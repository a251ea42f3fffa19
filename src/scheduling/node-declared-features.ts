// NodeDeclaredFeatures: what a pod cannot do without, its node must declare. A node that is not there yet has declared
// nothing and is not refused: the first of its kind will tell.
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';

export function nodeDeclaredFeatures(shape: PodShape, node: NodeFacts): Refusal | undefined {
  const { features } = node;
  if (shape.features === undefined || features === undefined) return undefined;
  if (shape.features.every((name) => features.has(name))) return undefined;
  return refuse('NodeDeclaredFeatures', "node(s) didn't match Pod's required features");
}
