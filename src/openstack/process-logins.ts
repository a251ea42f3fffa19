// The logins that all clusters of this process share: Keystone counts by user, and one credential may serve twenty clusters.
import { KeystoneLogins } from './client/keystone-logins.ts';

export const processLogins = new KeystoneLogins();
