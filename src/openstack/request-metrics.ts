// What a session's requests to OpenStack are counted as. Labels are closed lists: four services, four methods, outcomes.
import type { Telemetry, TelemetryLabels } from '../controllers/ports.ts';
import type { HttpExchange } from './client/http.ts';
import type { LaneListener } from './client/request-budget.ts';

/** Those that a budget is asked for. */
const SERVICES = ['compute', 'network', 'image'] as const;

/** Waits, requests that were not sent, and breakers, of one cluster's lane. */
export function laneMetrics(telemetry: Telemetry, labels: TelemetryLabels): LaneListener {
  // A lane may follow one that ended while a breaker was open.
  for (const service of SERVICES) telemetry.gauge('sluice_openstack_breaker_open', { ...labels, service }, 0);
  return {
    started: (service, waitedMs) =>
      telemetry.observe('sluice_openstack_wait_seconds', { ...labels, service }, waitedMs / 1000),
    notSent: (service, why) => telemetry.count('sluice_openstack_not_sent_total', { ...labels, service, why }),
    breakerChanged: (service, open) => {
      telemetry.gauge('sluice_openstack_breaker_open', { ...labels, service }, open ? 1 : 0);
      telemetry.log(open ? 'warn' : 'info', open ? 'an OpenStack service keeps failing' : 'it answers again', {
        ...labels,
        service,
      });
    },
  };
}

/** One exchange: a line for those who look closely, and a count. */
export function countExchange(telemetry: Telemetry, labels: TelemetryLabels, exchange: HttpExchange): void {
  const { service, method, status } = exchange;
  telemetry.count('sluice_openstack_requests_total', { ...labels, service, method, outcome: outcomeOf(status) });
  telemetry.log('debug', 'openstack request', { ...labels, ...exchange });
}

function outcomeOf(status: number): 'ok' | 'refused' | 'throttled' | 'failed' | 'noAnswer' {
  if (status === 0) return 'noAnswer';
  if (status < 300) return 'ok';
  if (status === 429) return 'throttled';
  return status < 500 ? 'refused' : 'failed';
}
