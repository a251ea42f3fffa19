// Selectors of a pod that the API would not accept: the scheduler refuses such a pod in its own words. Preferred terms are
// read here too, because it parses them with the rest.
import type { Fields } from './fields.ts';
import { selectorFault } from './label-names.ts';
import { parseLabelSelector } from './parse-selectors.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

/** The first fault in DoNotSchedule constraints; undefined: none. */
export function spreadFault(spec: Fields): string | undefined {
  for (const constraint of spec.objects('topologySpreadConstraints')) {
    if (constraint.text('whenUnsatisfiable') !== 'DoNotSchedule') continue;
    const fault = selectorFault(parseLabelSelector(constraint, 'labelSelector'));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The faults in pod affinity and anti-affinity, put together as the scheduler does; undefined: none. */
export function affinityFault(affinity: Fields | undefined): string | undefined {
  const near = affinity?.object('podAffinity');
  const far = affinity?.object('podAntiAffinity');
  if (near === undefined && far === undefined) return undefined;
  const weighted = (terms: readonly Fields[]): readonly Fields[] =>
    terms.flatMap((term) => term.object('podAffinityTerm') ?? []);
  const kinds = [
    ['requiredAffinityTerms', near?.objects(REQUIRED) ?? []],
    ['requiredAntiAffinityTerms', far?.objects(REQUIRED) ?? []],
    ['preferredAffinityTerms', weighted(near?.objects(PREFERRED) ?? [])],
    ['preferredAntiAffinityTerms', weighted(far?.objects(PREFERRED) ?? [])],
  ] as const;
  const faults = kinds.flatMap(([name, terms]) => {
    const fault = termsFault(terms);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
  return faults.length < 2 ? faults[0] : `[${faults.join(', ')}]`;
}

function termsFault(terms: readonly Fields[]): string | undefined {
  for (const term of terms) {
    const fault =
      selectorFault(parseLabelSelector(term, 'labelSelector')) ??
      selectorFault(parseLabelSelector(term, 'namespaceSelector'));
    if (fault !== undefined) return fault;
  }
  return undefined;
}
