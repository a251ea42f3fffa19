// A filling may have come out smaller than the node it was made for: the cheapest offer that holds it takes its place.
import type { FilledNode } from '../bounds/column-search.ts';
import type { PackingModel } from '../bounds/packing-model.ts';
import type { LimitsLeft } from '../bounds/shared-limit.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** The same pods on the cheapest offers that hold them; of equals the one that comes first. `limits`: what `filled` leaves of them; they
 *  are kept. */
export function downsize(
  model: PackingModel,
  filled: readonly NodesFilled[],
  limits?: LimitsLeft,
): readonly NodesFilled[] {
  if (model.offers < 2) return filled;
  return filled.map((node) => {
    const asked = askedOf(model, node);
    let { offer } = node;
    limits?.take(offer, -node.nodes);
    for (let other = 0; other < model.offers; other++) {
      if ((model.prices[other] ?? 0) >= (model.prices[offer] ?? 0)) continue;
      if (limits !== undefined && limits.room(other) < node.nodes) continue;
      if (holds(model, { offer: other, node, asked })) offer = other;
    }
    limits?.take(offer, node.nodes);
    return offer === node.offer ? node : { ...node, offer };
  });
}

/** Per axis, what the pods of a node take. */
export function askedOf({ axes, requests }: PackingModel, { rows, amounts }: FilledNode): Float64Array {
  const asked = new Float64Array(axes);
  for (let k = 0; k < rows.length; k++) {
    const at = (rows[k] ?? 0) * axes;
    for (let axis = 0; axis < axes; axis++) {
      asked[axis] = (asked[axis] ?? 0) + (amounts[k] ?? 0) * (requests[at + axis] ?? 0);
    }
  }
  return asked;
}

/** Does a node of `offer` hold the pods of `node`, which take `asked`? */
export function holds(
  model: PackingModel,
  of: { readonly offer: number; readonly node: FilledNode; readonly asked: Float64Array },
): boolean {
  const { offer, node, asked } = of;
  for (let axis = 0; axis < model.axes; axis++) {
    if ((asked[axis] ?? 0) > (model.capacities[offer * model.axes + axis] ?? 0)) return false;
  }
  const most = model.most[offer];
  return node.rows.every((row, k) => (most?.[row] ?? 0) >= (node.amounts[k] ?? 0));
}
