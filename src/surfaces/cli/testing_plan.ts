import type { Plan } from './model.ts';
import { NOW } from './testing.ts';

export const PLAN_ID = '019b76da-a800-7000-8000-000000000001';
export const HASH = '5f'.repeat(32);

/** For tests: a plan with one of everything that a plan can show. */
export const samplePlan: Plan = {
  plan_id: PLAN_ID,
  state: 'awaiting_approval',
  environment: 'home',
  requests: [{ id: 'a1', action: 'vm.clone', target: 'vm/9000', newid: 120 }],
  plan_hash: HASH,
  created_at: new Date(NOW).toISOString(),
  expires_at: new Date(NOW + 58 * 60_000).toISOString(),
  created_by: { id: 'u1', name: 'ada', class: 'human' },
  reason: 'A second web server for the shop, because the first one is slow in the evening.',
  change_id: 'CC-001',
  targets: [{ target: 'vm/9000', pinned: { name: 'debian-12', node: 'pve1' } }],
  trace: [
    {
      seq: 1,
      title: 'Clone template 9000 to vm/120',
      method: 'POST',
      path: '/nodes/pve1/qemu/9000/clone',
      params: { newid: 120, name: 'web2' },
      task: 'qmclone',
      undo: {
        kind: 'call',
        title: 'Remove vm/120',
        method: 'DELETE',
        path: '/nodes/pve1/qemu/120',
        params: { purge: 1 },
      },
    },
    {
      seq: 2,
      title: 'Set the password of vm/120',
      method: 'PUT',
      path: '/nodes/pve1/qemu/120/config',
      params: { cipassword: { $secret: 'a1b2' }, delete: { $runtime: 'the unused disk' } },
      task: null,
      undo: { kind: 'with', title: 'Clone template 9000 to vm/120' },
    },
    {
      seq: 3,
      title: 'Roll vm/101 back',
      method: 'POST',
      path: '/nodes/pve1/qemu/101/snapshot/s1/rollback',
      params: {},
      task: 'qmrollback',
      undo: { kind: 'irreversible', why: 'what came after the snapshot is gone' },
    },
  ],
  diff: [
    {
      object: 'vm/101',
      kind: 'update',
      fields: [
        { name: 'config.memory', before: 2048, after: 4096, effect: 'reboot' },
        { name: 'config.name', before: 'a', after: null, effect: 'live' },
      ],
    },
    {
      object: 'vm/120',
      kind: 'create',
      fields: [{ name: 'config.name', before: null, after: 'web2', effect: 'live' }],
    },
    { object: 'volume/local:101/old.qcow2', kind: 'delete', fields: [{ name: 'size', before: '8G', after: null }] },
  ],
  predicted_seconds: 95,
  blast_radius: { guests: ['vm/101', 'vm/120'], services: ['shop'], nodes: [], score: 5 },
  risk: {
    level: 'high',
    base: 'medium',
    why: 'a new guest takes space on the storage',
    raises: [{ to: 'high', reason: 'a step cannot be undone' }],
  },
  decision: {
    outcome: 'require_approval',
    approvals_required: 1,
    obligations: [],
    rules: [{ id: 'high-needs-a-person', effect: 'require_approval', why: 'high risk needs the approval of a person' }],
  },
  approvals: [],
  preflight: [
    { check: 'The storage has space', result: 'pass', detail: '100 GiB are free' },
    { check: 'The template is whole', result: 'warn', detail: 'its cloud-init drive is on another storage' },
  ],
  permissions: [
    { path: '/vms/120', privilege: 'VM.Allocate', held: false },
    { path: '/vms/9000', privilege: 'VM.Clone', held: true },
  ],
  irreversible: [{ seq: 3, title: 'Roll vm/101 back', why: 'what came after the snapshot is gone' }],
};
