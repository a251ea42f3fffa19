// Which addresses a connection may be made to. An endpoint may be written by a tenant (its clouds.yaml, its Keystone's
// catalog), and the machine that we run on reaches what the tenant cannot: the metadata service of its cloud, link-local
// neighbours, ports of its own pod. Names are judged by the addresses that they resolve to, and those are then connected to.
import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface AddressRules {
  /** Whether 127.0.0.0/8 and ::1 may be connected to. */
  readonly loopback: boolean;
  /** CIDRs that may be connected to whatever else is said here, e.g. `169.254.10.0/24`. */
  readonly allowed?: readonly string[];
}

type Resolve = (
  name: string,
  options: { readonly all: true; readonly family?: number },
  done: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/** Never an OpenStack endpoint. Metadata services beside 169.254.169.254: fd00:ec2::254 (AWS), fd20:ce::254 (Google),
 *  100.100.100.200 (Alibaba), 168.63.129.16 (Azure). 64:ff9b::/96 is NAT64, 2002::/16 is 6to4: other ways to write an IPv4
 *  address; ::ffff:0:0/96 is judged as IPv4 by BlockList itself. 0.0.0.0 and :: lead to loopback on Linux. */
const NEVER = [
  '169.254.0.0/16',
  'fe80::/10',
  '64:ff9b::a9fe:0/112',
  '2002:a9fe::/32',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '0.0.0.0/8',
  '::/128',
];
const LOOPBACK = ['127.0.0.0/8', '::1/128', '64:ff9b::7f00:0/104', '2002:7f00::/24'];

/** The code of the error with which `lookup` refuses a name. */
export const ADDRESS_REFUSED = 'ADDRESS_REFUSED';

export class AddressPolicy {
  readonly #never = blockListOf(NEVER);
  readonly #loopback = blockListOf(LOOPBACK);
  readonly #allowed: BlockList;
  readonly #loopbackAllowed: boolean;
  readonly #resolve: Resolve;

  constructor(rules: AddressRules, resolve: Resolve = resolveName) {
    this.#allowed = blockListOf(rules.allowed ?? []);
    this.#loopbackAllowed = rules.loopback;
    this.#resolve = resolve;
  }

  /** Why no connection may be made to this host; undefined: it may, or it is a name and `lookup` will judge it. */
  refusal(host: string): string | undefined {
    const address = host.replace(/^\[(.*)\]$/, '$1');
    const family = isIP(address);
    if (family === 0) return undefined;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (this.#allowed.check(address, type)) return undefined;
    if (this.#never.check(address, type)) return `${address} is a link-local or metadata address`;
    if (!this.#loopbackAllowed && this.#loopback.check(address, type)) {
      return `${address} is this machine itself, and auth_url is elsewhere`;
    }
    return undefined;
  }

  /** For `connect`: one forbidden address among those of a name refuses the name, as no cloud mixes them. */
  readonly lookup: LookupFunction = (name, options, done) => {
    const family = options.family === 4 || options.family === 6 ? { family: options.family } : {};
    this.#resolve(name, { ...family, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0);
      for (const { address } of addresses) {
        const why = this.refusal(address);
        if (why !== undefined) return done(refused(`${name} leads to an address that is not used: ${why}`), '', 0);
      }
      const [first] = addresses;
      if (options.all === true) return done(null, addresses);
      if (first === undefined) return done(refused(`${name} has no address`), '', 0);
      return done(null, first.address, first.family);
    });
  };
}

/** Whether a URL names this machine by an address of it or as `localhost`. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true;
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  return family !== 0 && blockListOf(LOOPBACK).check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits = ''] = range.split('/');
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

function refused(message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code: ADDRESS_REFUSED });
}
