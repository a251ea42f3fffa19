// A pod that says that it is not safe to evict.
import { ANNOTATIONS } from '../../api/names.ts';
import { podKey, type RemovalRule } from './removal-rule.ts';

/** Keeps nodes with a pod annotated safe-to-evict=false. */
export const safeToEvict: RemovalRule = ({ pods }) => {
  const pod = pods.find((candidate) => candidate.safeToEvict === false);
  return pod === undefined ? undefined : `pod ${podKey(pod)} is annotated ${ANNOTATIONS.safeToEvict}=false`;
};
