// What `profile: <name>` stands for without a clouds-public.yaml. Of openstacksdk's list only the cloud that this client is
// made for: addresses of others change, and a wrong one takes a password to a stranger.
import type { Section } from './clouds-yaml.ts';

/** openstacksdk, openstack/config/vendors/ovh.json and ovh-us.json. Their regions are left out: the list there is of 2019, and
 *  the catalog names the true ones. */
const PROFILES: ReadonlyMap<string, Section> = new Map<string, Section>([
  ['ovh', { auth: { auth_url: 'https://auth.cloud.ovh.net/' } }],
  [
    'ovh-us',
    {
      auth: {
        auth_url: 'https://auth.cloud.ovh.us/',
        user_domain_name: 'Default',
        project_domain_name: 'Default',
      },
    },
  ],
]);

/** undefined: not known here. */
export function vendorProfile(name: string): Section | undefined {
  return PROFILES.get(name);
}
