import { describe, expect, it } from 'vitest';
import { applied, byHand, planned, refused } from '../../../test/support/action.ts';
import { RUN_ONCE } from '../../kernel/once_script.ts';
import { FIRST_BOOT } from '../parts/first_boot.ts';

const EXEC = '/nodes/pve2/qemu/121/agent/exec';

describe('vm.bootstrap', () => {
  it('refuses a guest without an agent, and says how to get one', async () => {
    expect(await refused('vm.bootstrap', 'vm/303')).toContain(
      'vm/303 (legacy-app) has no guest agent enabled; set it with vm.configure and reboot',
    );
  });

  it('refuses a guest that is stopped', async () => {
    expect(await refused('vm.bootstrap', 'vm/301')).toContain('vm/301 (staging-web) is stopped; start it first');
  });

  it('without commands only waits, and answers the addresses without loopback and link-local', async () => {
    expect(await planned('vm.bootstrap', 'vm/121')).toMatchObject({
      titles: [],
      result: { addresses: [{ interface: 'eth0', address: '192.168.50.20', prefix: 24 }], commands: {} },
    });
  });

  it('runs named commands only, in their order', async () => {
    const { titles } = await planned('vm.bootstrap', 'vm/121', { commands: ['new-machine-id', 'new-host-keys'] });
    expect(titles).toEqual(['Run "new-machine-id" in vm/121', 'Run "new-host-keys" in vm/121']);
    expect(await refused('vm.bootstrap', 'vm/121', { commands: ['rm -rf /'] })).toContain('"params.commands.0"');
  });

  it('guards each command by a marker in the guest, so that a second run of it does nothing', async () => {
    const { params } = await planned('vm.bootstrap', 'vm/121', { commands: ['grow-root', 'grow-root'] });
    const [first, second] = params as { command: string[] }[];
    expect(second).toEqual(first);
    expect(first?.command).toEqual([
      '/bin/sh',
      '-c',
      RUN_ONCE,
      'sh',
      '/var/lib/proxmox-agent/first-boot',
      'grow-root',
      '/bin/sh',
      '-c',
      FIRST_BOOT['grow-root'].script,
    ]);
  });

  it('says that nobody takes back what a command did', async () => {
    const { trace } = await planned('vm.bootstrap', 'vm/121', { commands: ['grow-root'] });
    expect(trace[0]?.undo).toEqual({ kind: 'irreversible', why: 'what a command did in the guest is the guest’s' });
  });

  it('fails in the plan when the agent answers no command', async () => {
    const words = await refused('vm.bootstrap', 'vm/121', { wait: 1 }, (one) =>
      byHand(one, 'POST', '/nodes/pve2/qemu/121/status/suspend'),
    );
    expect(words).toContain('Waited 1 seconds for the guest agent of vm/121 to report an address');
  });

  it('sends each command once, and again only where the answer was lost', () =>
    applied(
      'vm.bootstrap',
      'vm/121',
      { commands: ['grow-root', 'new-machine-id'] },
      (one, operation) => {
        expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'applied' });
        expect(one.calls()).toEqual([`POST ${EXEC}`, `POST ${EXEC}`, `POST ${EXEC}`]);
      },
      (one) => one.simulator.inject({ match: { method: 'POST', path: EXEC }, kind: 'cut-after' }),
    ));
});
