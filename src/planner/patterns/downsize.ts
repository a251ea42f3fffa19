// A filling may have come out smaller than the node it was made for: the cheapest offer that holds it takes its place.
import type { PackingModel } from '../bounds/packing-model.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** The same pods on the cheapest offers that hold them; of equals the one that comes first. */
export function downsize(model: PackingModel, filled: readonly NodesFilled[]): readonly NodesFilled[] {
  if (model.offers < 2) return filled;
  return filled.map((node) => {
    const asked = new Float64Array(model.axes);
    node.rows.forEach((row, k) => {
      for (let axis = 0; axis < model.axes; axis++) {
        asked[axis] = (asked[axis] ?? 0) + (node.amounts[k] ?? 0) * (model.requests[row * model.axes + axis] ?? 0);
      }
    });
    let { offer } = node;
    for (let other = 0; other < model.offers; other++) {
      if ((model.prices[other] ?? 0) < (model.prices[offer] ?? 0) && holds(model, { offer: other, node, asked }))
        offer = other;
    }
    return offer === node.offer ? node : { ...node, offer };
  });
}

function holds(
  model: PackingModel,
  of: { readonly offer: number; readonly node: NodesFilled; readonly asked: Float64Array },
): boolean {
  const { offer, node, asked } = of;
  for (let axis = 0; axis < model.axes; axis++) {
    if ((asked[axis] ?? 0) > (model.capacities[offer * model.axes + axis] ?? 0)) return false;
  }
  const most = model.most[offer];
  return node.rows.every((row, k) => (most?.[row] ?? 0) >= (node.amounts[k] ?? 0));
}
