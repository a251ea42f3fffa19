// Endpoints from the catalog, the microversion from what Nova offers, all pages or an error.
import { describe, expect, test } from 'vitest';
import { chooseRegion, endpointOf, regionsOf, type Catalog } from '../../../src/openstack/client/catalog.ts';
import { serviceAddress, type VersionedService } from '../../../src/openstack/client/endpoint-address.ts';
import { chooseMicroversion } from '../../../src/openstack/client/microversions.ts';
import { nextLink, readAllPages, type Page } from '../../../src/openstack/client/paging.ts';

const CATALOG: Catalog = [
  {
    type: 'computev21',
    endpoints: [
      { url: 'http://gra/v2.1/p/', interface: 'public', region: 'GRA' },
      { url: 'http://gra-in/v2.1/p', interface: 'internal', region: 'GRA' },
      { url: 'http://sbg/v2.1/p', interface: 'publicURL', region_id: 'SBG' },
    ],
  },
  { type: 'network', endpoints: [{ url: 'http://net', interface: 'public', region: 'GRA' }] },
];

describe('catalog', () => {
  test.for([
    [{ service: 'compute', region: 'GRA', interface: 'public' }, 'http://gra/v2.1/p'],
    [{ service: 'compute', region: 'GRA', interface: 'internal' }, 'http://gra-in/v2.1/p'],
    [{ service: 'compute', region: 'SBG', interface: 'public' }, 'http://sbg/v2.1/p'],
    [{ service: 'network', region: 'GRA', interface: 'public' }, 'http://net'],
  ] as const)('%o', ([wanted, url]) => {
    expect(endpointOf(CATALOG, wanted)).toBe(url);
  });

  test('a service may be asked for by another type, or by its name', () => {
    const two: Catalog = [
      { type: 'compute', name: 'old', endpoints: [{ url: 'http://old', interface: 'public', region: 'R' }] },
      { type: 'compute', name: 'nova', endpoints: [{ url: 'http://nova', interface: 'public', region: 'R' }] },
      { type: 'compute_x', endpoints: [{ url: 'http://x', interface: 'public', region: 'R' }] },
    ];
    const wanted = { service: 'compute', region: 'R', interface: 'public' } as const;
    expect(endpointOf(two, { ...wanted, name: 'nova' })).toBe('http://nova');
    expect(endpointOf(two, { ...wanted, type: 'compute_x' })).toBe('http://x');
    expect(() => endpointOf(two, { ...wanted, name: 'none' })).toThrow('no public compute endpoint');
  });

  test('what is not there is refused by name', () => {
    expect(() => endpointOf(CATALOG, { service: 'network', region: 'SBG', interface: 'public' })).toThrow(
      "no public network endpoint in region 'SBG'",
    );
    expect(() => endpointOf(CATALOG, { service: 'image', region: 'GRA', interface: 'public' })).toThrow('image');
  });

  test('a region must be asked for when there are several, and must exist', () => {
    expect(regionsOf(CATALOG, 'compute')).toEqual(['GRA', 'SBG']);
    expect(chooseRegion(CATALOG, 'SBG')).toBe('SBG');
    expect(() => chooseRegion(CATALOG, undefined)).toThrow('GRA, SBG');
    expect(() => chooseRegion(CATALOG, 'BHS')).toThrow("region 'BHS'");
    expect(
      chooseRegion(
        [{ type: 'compute', endpoints: [{ url: 'http://x', interface: 'public', region: 'R' }] }],
        undefined,
      ),
    ).toBe('R');
    expect(() => chooseRegion([], undefined)).toThrow('none');
  });
});

describe('serviceAddress', () => {
  test.for<[service: VersionedService, url: string, base: string, version?: string]>([
    ['compute', 'http://h:8774/v2.1/P', 'http://h:8774/v2.1/P', 'http://h:8774/v2.1'],
    ['compute', 'http://h:8774/v2.1', 'http://h:8774/v2.1'],
    ['compute', 'http://h:8774/v2/P/', 'http://h:8774/v2.1/P', 'http://h:8774/v2.1'],
    ['compute', 'https://h/compute', 'https://h/compute/v2.1'],
    ['compute', 'https://h/a/proxy/v2.1/P', 'https://h/a/proxy/v2.1/P', 'https://h/a/proxy/v2.1'],
    ['network', 'http://h:9696', 'http://h:9696/v2.0'],
    ['network', 'http://h:9696/', 'http://h:9696/v2.0'],
    ['network', 'http://h/networking', 'http://h/networking/v2.0'],
    ['network', 'http://h/networking/v2.0/', 'http://h/networking/v2.0'],
    ['image', 'http://h/image', 'http://h/image/v2'],
    ['image', 'http://h:9292/v2', 'http://h:9292/v2'],
    ['image', 'http://h:9292/v1', 'http://h:9292/v2'],
    ['image', 'http://h:9292/v2.15', 'http://h:9292/v2'],
  ])('%s at %s: %s', ([service, url, base, version = base]) => {
    const address = serviceAddress(url, { service, projectId: 'P' });
    expect(address).toMatchObject({ base, version });
    expect(address.version.startsWith(address.unversioned)).toBe(true);
  });
});

describe('chooseMicroversion', () => {
  test.for([
    ['a newer cloud: the preferred one', '2.1', '2.100', '2.90'],
    ['exactly the preferred one', '2.1', '2.90', '2.90'],
    ['an older cloud: its newest', '2.1', '2.79', '2.79'],
    ['the oldest that will do', '2.1', '2.69', '2.69'],
    ['a cloud that has dropped the oldest ones', '2.80', '2.95', '2.90'],
  ] as const)('%s', ([, min, max, want]) => {
    expect(chooseMicroversion({ min, max })).toBe(want);
  });

  test.for([
    ['too old', '2.1', '2.68', 'microversions 2.1 to 2.68'],
    ['2.9 is older than 2.69', '2.1', '2.9', 'microversions 2.1 to 2.9'],
    ['too new', '2.91', '2.99', 'microversions 2.91 to 2.99'],
    ['no microversions at all', '', '', 'names no microversion'],
  ] as const)('%s is refused, never answered with 2.1', ([, min, max, words]) => {
    expect(() => chooseMicroversion({ min, max })).toThrow(words);
  });
});

describe('readAllPages', () => {
  const pages = new Map<string, Page<number>>([
    ['', { items: [1, 2], next: 'https://another.example/x?limit=2&marker=2' }],
    ['2', { items: [3], next: '/x?limit=2&marker=3' }],
    ['3', { items: [], next: undefined }],
  ]);
  const asked: string[] = [];
  const read = (query: URLSearchParams | undefined): Promise<Page<number>> => {
    asked.push(query?.toString() ?? '');
    return Promise.resolve(pages.get(query?.get('marker') ?? '') ?? { items: [], next: undefined });
  };

  test('follows markers, wherever the link points', async () => {
    expect(await readAllPages('x', read)).toEqual([1, 2, 3]);
    expect(asked).toEqual(['', 'limit=2&marker=2', 'limit=2&marker=3']);
  });

  test.for<[name: string, page: Page<number>]>([
    ['turns in a circle', { items: [1], next: '?marker=1' }],
    ['has no marker', { items: [1], next: '?limit=1' }],
  ])('a list that %s is an error, not a short list', async ([, page]) => {
    await expect(readAllPages('x', () => Promise.resolve(page))).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('a list without end is an error', async () => {
    let marker = 0;
    const endless = () => Promise.resolve({ items: [0], next: `?marker=${(marker += 1)}` });
    await expect(readAllPages('x', endless, 5)).rejects.toThrow('more than 5 pages');
  });

  test('nextLink', () => {
    expect(
      nextLink([
        { rel: 'previous', href: 'a' },
        { rel: 'next', href: 'b' },
      ]),
    ).toBe('b');
    expect(nextLink([])).toBeUndefined();
    expect(nextLink(undefined)).toBeUndefined();
  });
});
