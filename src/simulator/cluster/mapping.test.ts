import { describe, expect, it } from 'vitest';
import { call, data, runTask, simulate } from '../testing.ts';

const start = 'POST /nodes/pve-01/qemu/112/status/start';

describe('resource mappings', () => {
  it('let a guest start only where its device is as the mapping says', () => {
    const sim = simulate('k3s-gpu');
    runTask(sim, 'POST /nodes/pve-01/qemu/112/status/stop');
    expect(runTask(sim, start)).toBe('OK');
    runTask(sim, 'POST /nodes/pve-01/qemu/112/status/stop');
    const map = 'node=pve-01,path=0000:2f:00,id=10de:ffff,iommugroup=17';
    data(sim, 'PUT /cluster/mapping/pci/rtx-4000-ada', { map });
    expect(runTask(sim, start)).toBe(
      "PCI device mapping invalid (hardware probably changed): 'id' does not match for 'rtx-4000-ada' (10de:27b2 != 10de:ffff) ",
    );
    data(sim, 'DELETE /cluster/mapping/pci/rtx-4000-ada');
    expect(runTask(sim, start)).toBe("PCI device mapping not found for 'rtx-4000-ada'");
  });

  it('name devices that the node shows', () => {
    const sim = simulate('k3s-gpu');
    const list = data<{ id: string }[]>(sim, 'GET /nodes/pve-01/hardware/pci', { verbose: 0 });
    expect(list).toEqual([{ id: '0000:2f:00.0' }, { id: '0000:2f:00.1' }]);
    expect(data(sim, 'GET /nodes/pve-01/hardware/pci/rtx-4000-ada')).toEqual([{ method: 'mdev' }]);
    expect(call(sim, 'GET /nodes/pve-02/hardware/pci/2f:00.0').reason).toBe("pci device '2f:00.0' not found");
  });

  it('are checked, seen and used by right', () => {
    const sim = simulate('k3s-gpu');
    const dir = { id: 'data', map: ['node=pve-01,path=/srv/a', 'node=pve-01,path=/srv/b'] };
    expect(call(sim, 'POST /cluster/mapping/dir', dir).reason).toBe(
      "create dir mapping failed: Node 'pve-01' is specified 2 times.",
    );
    const [gpu] = data<Record<string, unknown>[]>(sim, 'GET /cluster/mapping/pci', { 'check-node': 'pve-01' });
    expect(gpu).toMatchObject({ id: 'rtx-4000-ada', type: 'pci', checks: [] });
    expect(call(sim, 'GET /cluster/mapping/pci', { 'check-node': 'pve-02' }).reason).toBe(
      'wrong node to check - pve-02 != pve-01',
    );
    const token = 'terraform@pve!iac';
    expect(data(sim, 'GET /cluster/mapping/pci', {}, token)).toEqual([]);
    expect(call(sim, 'PUT /nodes/pve-02/qemu/110/config', { hostpci0: 'mapping=rtx-4000-ada' }, token).reason).toBe(
      'Permission check failed (/mapping/pci/rtx-4000-ada, Mapping.Use)',
    );
  });
});
