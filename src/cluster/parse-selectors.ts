// Parsers of what selects: label selectors, node selector terms, pod affinity terms. Pure translation of the API's forms.
import type { LabelSelector, NodeSelectorTerm, PodAffinityTerm, Requirement } from './cluster-objects.ts';
import type { Fields } from './fields.ts';
import { selectorFault } from './label-names.ts';

/** metav1.LabelSelector; undefined when the field is absent. matchLabels come first, by key. */
export function parseLabelSelector(parent: Fields, name: string): LabelSelector | undefined {
  const selector = parent.object(name);
  if (selector === undefined) return undefined;
  const equal = [...selector.textMap('matchLabels')].map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  return { requirements: [...equal, ...parseRequirements(selector, 'matchExpressions')] };
}

/** corev1.NodeSelector below `name`; undefined when absent (no constraint), empty when it has no terms. */
export function parseNodeSelector(parent: Fields | undefined, name: string): readonly NodeSelectorTerm[] | undefined {
  return parent?.object(name)?.objects('nodeSelectorTerms').map(parseNodeSelectorTerm);
}

/** Required terms of pod (anti-)affinity. A term that names no namespaces means those of its owner. None when one of them
 *  cannot be read: the scheduler then drops them all. */
export function parseAffinityTerms(affinity: Fields | undefined, namespace: string): readonly PodAffinityTerm[] {
  const given = affinity?.objects('requiredDuringSchedulingIgnoredDuringExecution') ?? [];
  const terms = given.map((term): PodAffinityTerm => {
    const named = term.texts('namespaces');
    const namespaceSelector = parseLabelSelector(term, 'namespaceSelector');
    return {
      topologyKey: term.text('topologyKey'),
      selector: parseLabelSelector(term, 'labelSelector'),
      namespaces: named.length === 0 && namespaceSelector === undefined ? [namespace] : named,
      namespaceSelector,
    };
  });
  const faulty = terms.some(
    (term) => selectorFault(term.selector) !== undefined || selectorFault(term.namespaceSelector) !== undefined,
  );
  return faulty ? [] : terms;
}

function parseNodeSelectorTerm(term: Fields): NodeSelectorTerm {
  return {
    expressions: parseRequirements(term, 'matchExpressions'),
    fields: parseRequirements(term, 'matchFields'),
  };
}

function parseRequirements(parent: Fields, name: string): readonly Requirement[] {
  return parent.objects(name).map((one) => ({
    key: one.text('key'),
    operator: one.text('operator'),
    values: one.texts('values'),
  }));
}
