// NodeName and the node sets. Before any filter: a pod with spec.nodeName may go to that node only. A required node affinity
// whose every term names nodes (matchFields metadata.name In …) allows only those: within a term the lists are
// intersected, over the terms united. A node outside the sets hears the names of the plugins that gave one.
//  - The affinity's own set is empty: `pod affinity terms conflict`.
//  - Both sets together are empty: no node, `… simultaneously`.
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Node, V1Pod } from './v1.ts';
import { nodeNameOf } from './world.ts';

/** For the whole pod. */
export function contradictoryNames(pod: V1Pod): TwinRefusal | undefined {
  const named = namesOfAffinity(pod);
  if (named === undefined) return undefined;
  if (named.size === 0) return no('NodeAffinity', 'pod affinity terms conflict');
  const nodeName = nodeNameOf(pod);
  if (nodeName === '' || named.has(nodeName)) return undefined;
  return no('NodeAffinity,NodeName', "node(s) didn't satisfy plugin(s) [NodeAffinity NodeName] simultaneously");
}

/** For one node. */
export function notNamed(pod: V1Pod, node: V1Node): TwinRefusal | undefined {
  const { name } = node.metadata;
  const named = namesOfAffinity(pod);
  const nodeName = nodeNameOf(pod);
  const allowed = (named === undefined || named.has(name)) && (nodeName === '' || nodeName === name);
  if (allowed) return undefined;
  const plugins = [...(named === undefined ? [] : ['NodeAffinity']), ...(nodeName === '' ? [] : ['NodeName'])];
  return no(plugins.join(','), `node(s) didn't satisfy plugin(s) [${plugins.join(' ')}]`);
}

function namesOfAffinity(pod: V1Pod): ReadonlySet<string> | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const union = new Set<string>();
  for (const term of terms) {
    const lists = (term.matchFields ?? [])
      .filter((field) => field.key === 'metadata.name' && field.operator === 'In')
      .map((field) => field.values ?? []);
    const [first, ...others] = lists;
    if (first === undefined) return undefined;
    for (const name of first) if (others.every((list) => list.includes(name))) union.add(name);
  }
  return union;
}
