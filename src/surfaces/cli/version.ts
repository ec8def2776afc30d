import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The package's version. Its package.json is looked for upwards, because the published files lie elsewhere than src. */
export function version(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (found.name === 'proxmox-agent' && found.version !== undefined) return found.version;
    } catch {
      // Not here: one folder up.
    }
  }
  return 'unknown';
}
