/** What the server of the page's tests is configured with, and a change to be imported there. */

/** A rule for an action that only one test proposes, and a service on the guest that it reboots. */
export const RULES = `rules:
  - id: web.window
    description: The web server is rebooted in a window
    when: action.name == "vm.reboot" && target.name == "web"
    effect: require_approval
    obligations: { window: true, second_factor: true }
    why: people look at it in the daytime
`;
export const CONFIGURATION = `policy: rules.yaml
services:
  - { name: shop, tier: 2, guests: [vm/121] }
`;

export const CHANGE = `## CC-001 — Foundation of the control plane

**Phase:** Phase 4

### Scope
**In Scope:**
- One host

### Validation Criteria
- The host answers
- Nothing else noticed

### Status
☑ Paused (a checkpoint on purpose)
`;
