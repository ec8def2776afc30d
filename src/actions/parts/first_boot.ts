/** The commands that `vm.bootstrap` may run: by name only, so that nobody sends a script of their own. */
export const FIRST_BOOT = {
  'wait-for-cloud-init': {
    about: 'Waits until cloud-init has finished its first boot.',
    script: 'if command -v cloud-init >/dev/null; then cloud-init status --wait; fi',
    timeout: 600,
  },
  'grow-root': {
    about: 'Lets the root partition and its file system fill the disk.',
    script:
      'd=$(findmnt -no SOURCE /) && growpart "/dev/$(lsblk -no PKNAME "$d")" "$(cat "/sys/class/block/${d##*/}/partition")" || true; resize2fs "$d" 2>/dev/null || xfs_growfs /',
    timeout: 120,
  },
  'new-host-keys': {
    about: 'Makes new SSH host keys, so that no two clones share them.',
    script: 'rm -f /etc/ssh/ssh_host_*_key* && ssh-keygen -A',
    timeout: 120,
  },
  'new-machine-id': {
    about: 'Makes a new machine id, so that DHCP and the journal tell clones apart.',
    script: 'rm -f /etc/machine-id && systemd-machine-id-setup',
    timeout: 60,
  },
  'update-packages': {
    about: 'Installs the updates of a Debian or Ubuntu guest.',
    script: 'DEBIAN_FRONTEND=noninteractive apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy upgrade',
    timeout: 1800,
  },
} as const;
