import { asRead } from '../core/as-read.ts';
import type { Call, Routes } from '../core/call.ts';
import { fail } from '../core/errors.ts';
import { MACHINE } from '../qemu/registry.ts';
import { sha1 } from '../state/guests.ts';

const DAY_S = 86_400;
/** A certificate that a node makes for itself holds two years. */
const CERTIFICATE_DAYS = 730;

const CPUS: readonly (readonly [vendor: string, names: string])[] = [
  ['default', 'host max kvm64 kvm32 qemu64 qemu32 x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4'],
  ['GenuineIntel', 'Broadwell Cascadelake-Server Haswell Icelake-Server SandyBridge Skylake-Server SapphireRapids'],
  ['AuthenticAMD', 'EPYC EPYC-Rome EPYC-Milan EPYC-Genoa Opteron_G5'],
];

const cpus = (): unknown[] =>
  CPUS.flatMap(([vendor, names]) => names.split(' ').map((name) => ({ name, vendor, custom: 0 })));

/** The newest version of each kind; older ones remain usable. */
const machines = (): unknown[] =>
  (['i440fx', 'q35'] as const).flatMap((type) =>
    ['10.0', '9.2', '9.1', '9.0', '8.2'].map((version) => ({
      id: MACHINE[type].replace(/\d+\.\d+$/, version),
      type,
      version,
    })),
  );

const KEY = /^pve[124578][cbsp]-[0-9a-f]{10}$/;

function subscription(call: Call): unknown {
  const { subscriptionKey: key } = call.world.nodeState(call.node);
  const serverid = sha1(call.node).slice(0, 32).toUpperCase();
  const url = 'https://www.proxmox.com/en/proxmox-virtual-environment/pricing';
  if (key === undefined) return { status: 'notfound', message: 'There is no subscription key', serverid, url };
  // Nobody is asked whether the key holds.
  return { status: 'new', message: 'subscription information too old', key, serverid, url };
}

function setSubscription(call: Call): null {
  const key = call.params.text('key').trim();
  if (!KEY.test(key)) throw fail('not a subscription key');
  call.world.nodeState(call.node).subscriptionKey = key;
  return null;
}

/** The certificate that the API answers with, and the cluster's own authority. */
function certificates({ world, node }: Call): unknown[] {
  const { fingerprint, ip, since } = world.nodeState(node);
  const notbefore = Math.floor(since / 1000 / DAY_S) * DAY_S;
  return [
    {
      filename: 'pve-ssl.pem',
      subject: `/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN=${node}`,
      issuer: '/CN=Proxmox Virtual Environment/OU=cluster/O=PVE Cluster Manager CA',
      notbefore,
      notafter: notbefore + CERTIFICATE_DAYS * DAY_S,
      'public-key-type': 'rsaEncryption',
      'public-key-bits': 2048,
      san: ['127.0.0.1', 'localhost', ip, node].filter(Boolean),
      ...(fingerprint === undefined ? {} : { fingerprint }),
    },
  ];
}

/** Flags of a processor that a guest's CPU type may name. */
const FLAGS =
  'nested-virt md-clear pcid spec-ctrl ssbd ibpb virt-ssbd amd-ssbd amd-no-ssb pdpe1gb hv-tlbflush hv-evmcs aes';

const flags = (): unknown[] => FLAGS.split(' ').map((name) => ({ name }));

const base = '/nodes/{node}';

export const inventoryRoutes: Routes = {
  [`GET ${base}/capabilities/qemu/cpu`]: asRead(cpus),
  [`GET ${base}/capabilities/qemu/machines`]: asRead(machines),
  [`GET ${base}/capabilities/qemu/migration`]: asRead(() => ({ 'has-dbus-vmstate': 1 })),
  [`GET ${base}/capabilities/qemu/cpu-flags`]: asRead(flags),
  'GET /cluster/qemu/cpu-flags': asRead(flags),
  [`GET ${base}/certificates/info`]: asRead(certificates),
  [`GET ${base}/subscription`]: subscription,
  [`PUT ${base}/subscription`]: setSubscription,
  [`POST ${base}/subscription`]: () => null,
  [`DELETE ${base}/subscription`]: (call) => {
    delete call.world.nodeState(call.node).subscriptionKey;
    return null;
  },
};
