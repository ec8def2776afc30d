import type { Role } from '../state/types.ts';

const words = (text: string): string[] => text.split(' ').filter(Boolean);

/** The roles that every cluster has, with their privileges (PVE 9). */
const BUILT_IN: Readonly<Record<string, string>> = {
  Administrator:
    'Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Group.Allocate Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify Pool.Allocate Pool.Audit Realm.Allocate Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify Sys.PowerMgmt Sys.Syslog User.Modify VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback',
  NoAccess: '',
  PVEAdmin:
    'Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Group.Allocate Mapping.Audit Mapping.Use Pool.Allocate Pool.Audit Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use Sys.Audit Sys.Console Sys.Syslog User.Modify VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback',
  PVEAuditor: 'Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit VM.GuestAgent.Audit',
  PVEDatastoreAdmin: 'Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit',
  PVEDatastoreUser: 'Datastore.AllocateSpace Datastore.Audit',
  PVEMappingAdmin: 'Mapping.Audit Mapping.Modify Mapping.Use',
  PVEMappingUser: 'Mapping.Audit Mapping.Use',
  PVEPoolAdmin: 'Pool.Allocate Pool.Audit',
  PVEPoolUser: 'Pool.Audit',
  PVESDNAdmin: 'SDN.Allocate SDN.Audit SDN.Use',
  PVESDNUser: 'SDN.Audit SDN.Use',
  PVESysAdmin: 'Sys.Audit Sys.Console Sys.Syslog',
  PVETemplateUser: 'VM.Audit VM.Clone',
  PVEUserAdmin: 'Group.Allocate Realm.AllocateUser User.Modify',
  PVEVMAdmin:
    'VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network VM.Config.Options VM.Console VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.GuestAgent.Unrestricted VM.Migrate VM.PowerMgmt VM.Replicate VM.Snapshot VM.Snapshot.Rollback',
  PVEVMUser:
    'VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.PowerMgmt',
};

export const builtInRoles = (): Role[] =>
  Object.entries(BUILT_IN).map(([roleid, privs]) => ({ roleid, privs: words(privs), special: 1 }));

const PRIVILEGES = new Set(words(BUILT_IN.Administrator ?? ''));

export const isPrivilege = (name: string): boolean => PRIVILEGES.has(name);
