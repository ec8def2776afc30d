/** A rule without its place in the list; keys as in the API. */
export type Rule = Record<string, string | number>;

export interface Alias {
  name: string;
  cidr: string;
  comment?: string;
}

export interface IpSet {
  name: string;
  comment?: string;
  entries: { cidr: string; comment?: string; nomatch?: number }[];
}

export interface SecurityGroup {
  group: string;
  comment?: string;
  rules: Rule[];
}

/** One firewall file: of the cluster, a node, a guest or a virtual network. Only the cluster has groups. */
export interface FirewallFile {
  options: Record<string, string | number>;
  rules: Rule[];
  aliases: Alias[];
  ipsets: IpSet[];
  groups: SecurityGroup[];
}

export const emptyFirewall = (): FirewallFile => ({ options: {}, rules: [], aliases: [], ipsets: [], groups: [] });
