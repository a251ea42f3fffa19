// A pod that asks not to be disturbed by choice.
import { ANNOTATIONS } from '../../api/names.ts';
import { podKey, type RemovalRule } from './removal-rule.ts';

/** Keeps nodes with a pod annotated do-not-disrupt. */
export const doNotDisrupt: RemovalRule = ({ pods }) => {
  const pod = pods.find((candidate) => candidate.doNotDisrupt);
  return pod === undefined ? undefined : `pod ${podKey(pod)} is annotated ${ANNOTATIONS.doNotDisrupt}`;
};
