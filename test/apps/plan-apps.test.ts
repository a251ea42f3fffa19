// An application of the kinds that the public ones have, without their file: what is planned for many copies holds, and no
// pod has two places, also where the plan gets nodes for what the scheduler would leave over.
import { expect, test } from 'vitest';
import type { AppFacts } from './app-facts.ts';
import { planApp } from './plan-apps.ts';

const deployment = (name: string, replicas: number, request: { readonly cpu_m: number; readonly mem_mib: number }) => ({
  kind: 'Deployment',
  name,
  replicas,
  pod: { labels: { app: name }, containers: [{ requests: request }] },
});

const spread = deployment('ha-app', 6, { cpu_m: 1000, mem_mib: 1024 });
const facts: AppFacts = {
  app: 'zone-spread',
  workloads: [
    deployment('small-app', 2, { cpu_m: 500, mem_mib: 512 }),
    deployment('large-app', 1, { cpu_m: 6000, mem_mib: 20_480 }),
    {
      ...spread,
      pod: {
        ...spread.pod,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { app: 'ha-app' } },
          },
        ],
      },
    },
  ],
};

test('copies that spread over zones are planned once each, and can be carried out', () => {
  const { violations, placed, pods } = planApp(facts, 14, () => 0);
  expect(violations).toEqual([]);
  expect(placed).toBe(pods);
});
