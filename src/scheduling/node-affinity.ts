// NodeAffinity: nodeSelector and required node affinity. Terms are ORed, what is in a term is ANDed; an empty term and an
// empty list match nothing; a term that the API would not parse matches nothing.
import type { NodeSelectorTerm, PodShape, Requirement } from '../cluster/cluster-objects.ts';
import { isLabelKey, isLabelValue } from '../cluster/label-names.ts';
import { parseInt64, requirementMatches } from '../cluster/label-selector.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';

const NAME_FIELD = 'metadata.name';

type Named = Pick<NodeFacts, 'name' | 'labels'>;

export function nodeAffinity(shape: PodShape, node: Named): Refusal | undefined {
  if (matchesNodeAffinity(shape, node)) return undefined;
  return refuse('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
}

/** The nodes that a pod may run on by name, before any filter runs: those of its affinity, and the one that it is bound
 *  to already. */
export interface NamedNodes {
  readonly affinity: ReadonlySet<string> | undefined;
  /** spec.nodeName; empty: none. */
  readonly nodeName: string;
}

/** Names contradict each other: no node at all. */
export function namesConflict({ affinity, nodeName }: NamedNodes): Refusal | undefined {
  if (affinity === undefined) return undefined;
  if (affinity.size === 0) return refuse('NodeAffinity', 'pod affinity terms conflict');
  if (nodeName === '' || affinity.has(nodeName)) return undefined;
  return refuse('NodeAffinity,NodeName', "node(s) didn't satisfy plugin(s) [NodeAffinity NodeName] simultaneously");
}

/** The node is not one that the pod names. */
export function notNamed({ affinity, nodeName }: NamedNodes, node: string): Refusal | undefined {
  const outside = (affinity !== undefined && !affinity.has(node)) || (nodeName !== '' && nodeName !== node);
  if (!outside) return undefined;
  const plugins = [...(affinity === undefined ? [] : ['NodeAffinity']), ...(nodeName === '' ? [] : ['NodeName'])];
  return refuse(plugins.join(','), `node(s) didn't satisfy plugin(s) [${plugins.join(' ')}]`);
}

/** nodeSelector and required affinity hold for the node. */
export function matchesNodeAffinity(shape: Pick<PodShape, 'nodeSelector' | 'nodeAffinity'>, node: Named): boolean {
  for (const [key, value] of shape.nodeSelector) if (node.labels.get(key) !== value) return false;
  return shape.nodeAffinity === undefined || matchesAnyTerm(shape.nodeAffinity, node);
}

/** Some term holds. Without a name (volumes), fields are not looked at. */
export function matchesAnyTerm(
  terms: readonly NodeSelectorTerm[],
  node: { readonly name?: string; readonly labels: ReadonlyMap<string, string> },
): boolean {
  return terms.some((term) => {
    if (term.expressions.length === 0 && term.fields.length === 0) return false;
    return (
      term.expressions.every((one) => isValidExpression(one) && requirementMatches(one, node.labels.get(one.key))) &&
      term.fields.every(
        (one) =>
          isValidField(one) &&
          (node.name === undefined || requirementMatches(one, one.key === NAME_FIELD ? node.name : '')),
      )
    );
  });
}

/** The only nodes that can match, when every term names some; undefined: any node may. */
export function namedNodes(terms: readonly NodeSelectorTerm[] | undefined): ReadonlySet<string> | undefined {
  if (terms === undefined || terms.length === 0) return undefined;
  const union = new Set<string>();
  for (const term of terms) {
    let names: readonly string[] | undefined;
    for (const field of term.fields) {
      if (field.key !== NAME_FIELD || field.operator !== 'In') continue;
      names = names === undefined ? field.values : names.filter((name) => field.values.includes(name));
    }
    if (names === undefined) return undefined;
    for (const name of names) union.add(name);
  }
  return union;
}

/** The API would accept the term. */
export function isValidTerm({ expressions, fields }: NodeSelectorTerm): boolean {
  return expressions.every(isValidExpression) && fields.every(isValidField);
}

function isValidField(field: Requirement): boolean {
  return (field.operator === 'In' || field.operator === 'NotIn') && field.values.length === 1;
}

/** The API would parse it; a term with one that it would not matches nothing. */
export function isValidExpression({ key, operator, values }: Requirement): boolean {
  if (!isLabelKey(key) || !values.every(isLabelValue)) return false;
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0;
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0;
    case 'Gt':
    case 'Lt':
      return values.length === 1 && parseInt64(values[0]) !== undefined;
    default:
      return false;
  }
}
