import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../../test/support/action.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2VrZXlmYWtla2V5ZmFrZWtleWZha2VrZXlmYWtlaw a+b@c d';
const configure = (params: object, target = 'vm/301') => planned('vm.cloudinit.configure', target, params);
const no = (params: object) => refused('vm.cloudinit.configure', 'vm/301', params);

describe('vm.cloudinit.configure', () => {
  it('sends keys percent-encoded, every reserved letter of them, one per line', async () => {
    const { params } = await configure({ ssh_keys: [KEY, KEY.replace('a+b', 'x')] });
    const { sshkeys } = params[0] as { sshkeys: string };
    expect(sshkeys).toMatch(/^ssh-ed25519%20\S+%20a%2Bb%40c%20d%0Assh-ed25519%20/);
    expect(decodeURIComponent(sshkeys)).toBe(`${KEY}\n${KEY.replace('a+b', 'x')}`);
  });

  it('writes addresses, servers and switches as Proxmox VE wants them', async () => {
    const { params } = await configure({
      ipconfig: { '0': { ip: '10.0.0.5/24', gw: '10.0.0.1', ip6: 'auto' } },
      nameserver: ['1.1.1.1', '2606:4700:4700::1111'],
      searchdomain: 'lab',
      upgrade: false,
    });
    expect(params[0]).toMatchObject({
      ipconfig0: 'gw=10.0.0.1,ip=10.0.0.5/24,ip6=auto',
      nameserver: '1.1.1.1 2606:4700:4700::1111',
      searchdomain: 'lab',
      ciupgrade: 0,
    });
  });

  it('makes the image anew on a stopped guest only, and tells a running one to reboot', async () => {
    expect(await configure({ user: 'admin' })).toMatchObject({
      titles: ['Set ciuser of vm/301 (staging-web)', 'Regenerate the cloud-init image of vm/301 (staging-web)'],
      result: { reboot_needed: false },
    });
    expect(await configure({ user: 'admin' }, 'vm/121')).toMatchObject({
      titles: ['Set ciuser of vm/121 (web)'],
      warnings: ['the guest runs: the new settings reach it when it is rebooted'],
      result: { reboot_needed: true },
    });
  });

  it('shows a password nowhere, not even in a step, and tells two apart all the same', async () => {
    const [one, two] = await Promise.all(
      ['first-password', 'other-password'].map((password) => configure({ password })),
    );
    expect(JSON.stringify([one, two])).not.toMatch(/first-password|other-password/);
    expect(one?.params[0]).toMatchObject({ cipassword: { $secret: expect.stringMatching(/^[0-9a-f]{32}$/) } });
    expect(one?.params[0]).not.toEqual(two?.params[0]);
  });

  it('cannot put an old password back, and says so', async () => {
    const { trace } = await planned('vm.cloudinit.configure', 'vm/301', { password: 'new-password' }, (one) =>
      byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { cipassword: 'old-password' }),
    );
    expect(trace[0]?.undo).toEqual({
      kind: 'irreversible',
      why: 'the old cipassword cannot be read from Proxmox VE, so it cannot be put back',
    });
  });

  it('has nothing to do where it is so already', async () => {
    expect(await configure({ user: 'ops', ipconfig: { '0': { ip: 'dhcp' } } })).toMatchObject({ titles: [] });
  });

  it('refuses a guest without a cloud-init drive', async () => {
    const words = await refused('vm.cloudinit.configure', 'vm/301', { user: 'x' }, (one) =>
      byHand(one, 'PUT', '/nodes/pve4/qemu/301/config', { delete: 'ide2' }),
    );
    expect(words).toContain('vm/301 (staging-web) has no cloud-init drive');
  });

  it.each([
    [{}, 'name at least one setting'],
    [{ user: 'Root!' }, '"params.user":"must be a Linux user name"'],
    [{ password: '' }, '"params.password"'],
    [{ ssh_keys: ['AAAA'] }, '"params.ssh_keys.0":"must be a public key as in authorized_keys"'],
    [{ ipconfig: { '0': { ip: '10.0.0.5' } } }, '"params.ipconfig.0.ip"'],
    [{ ipconfig: { '0': {} } }, '"params.ipconfig.0":"needs an address: ip, ip6 or both"'],
    [{ ipconfig: { '0': { gw: '10.0.0.1' } } }, '"params.ipconfig.0":"needs an address: ip, ip6 or both"'],
    [{ ipconfig: { '0': { ip6: 'auto', gw: '10.0.0.1' } } }, "missing property required by 'ipconfig0.gw'"],
    [{ ipconfig: { net0: { ip: 'dhcp' } } }, '"params.ipconfig'],
    [{ ipconfig: { '40': { ip: 'dhcp' } } }, 'ipconfig40: property is not defined in schema'],
    [{ nameserver: ['dns.example'] }, '"params.nameserver.0"'],
    [{ vendor_snippet: '/etc/passwd' }, '"params.vendor_snippet"'],
  ])('refuses %j', async (params, words) => {
    expect(await no(params)).toContain(words);
  });

  it('applies keys so that they read back as they were sent', () =>
    applied('vm.cloudinit.configure', 'vm/301', { ssh_keys: [KEY] }, (one, operation) => {
      expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
      const config = one.simulator.objects().get('vm/301')?.['config'] as { sshkeys: string } | undefined;
      expect(decodeURIComponent(config?.sshkeys ?? '')).toBe(KEY);
    }));
});
