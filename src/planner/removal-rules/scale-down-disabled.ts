// A person has marked the node: cluster-autoscaler's annotation, or ours.
import { ANNOTATIONS } from '../../api/names.ts';
import type { RemovalRule } from './removal-rule.ts';

/** Keeps nodes annotated scale-down-disabled=true or do-not-disrupt=true. */
export const scaleDownDisabled: RemovalRule = ({ node }) => {
  for (const key of [ANNOTATIONS.scaleDownDisabled, ANNOTATIONS.doNotDisrupt]) {
    if (node.node?.annotations.get(key) === 'true') return `the node is annotated ${key}=true`;
  }
  return undefined;
};
