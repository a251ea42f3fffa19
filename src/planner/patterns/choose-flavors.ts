// Which flavors to keep when a decision may only use so many: those that carry most of the cost, and before them whatever
// it takes that every pod still has a place.
import type { PackingModel } from '../bounds/packing-model.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** The flavors to use; undefined: the answer needs no change. */
export function chooseFlavors(
  model: PackingModel,
  of: {
    readonly filled: readonly NodesFilled[];
    readonly flavorOf: (offer: number) => number;
    /** Flavors that the decision uses anyway. */
    readonly already: ReadonlySet<number>;
    readonly flavorsMax: number;
  },
): ReadonlySet<number> | undefined {
  const cost = new Map<number, number>();
  for (const { offer, nodes } of of.filled) {
    const flavor = of.flavorOf(offer);
    cost.set(flavor, (cost.get(flavor) ?? 0) + nodes * (model.prices[offer] ?? 0));
  }
  const used = new Set([...of.already, ...cost.keys()]);
  if (used.size <= of.flavorsMax) return undefined;
  const ranked = [...cost.keys()].sort((a, b) => (cost.get(b) ?? 0) - (cost.get(a) ?? 0) || a - b);
  const chosen = new Set(of.already);
  for (let row = 0; row < model.rows; row++) {
    const fitting = ranked.filter((flavor) => hasPlace(model, { row, flavor, flavorOf: of.flavorOf }));
    // Of those that any pod must have, the ones that carry most also take the others.
    if (fitting.length === 1 && fitting[0] !== undefined) chosen.add(fitting[0]);
  }
  for (const flavor of ranked) if (chosen.size < of.flavorsMax) chosen.add(flavor);
  for (let row = 0; row < model.rows; row++) {
    const fitting = ranked.filter((flavor) => hasPlace(model, { row, flavor, flavorOf: of.flavorOf }));
    const [first] = fitting;
    if (first !== undefined && !fitting.some((flavor) => chosen.has(flavor))) chosen.add(first);
  }
  return chosen;
}

function hasPlace(
  model: PackingModel,
  of: { readonly row: number; readonly flavor: number; readonly flavorOf: (offer: number) => number },
): boolean {
  for (let offer = 0; offer < model.offers; offer++) {
    if (of.flavorOf(offer) === of.flavor && (model.most[offer]?.[of.row] ?? 0) > 0) return true;
  }
  return false;
}
