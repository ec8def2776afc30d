import type { Context } from '../context.ts';
import { version } from '../version.ts';

export async function showVersion(context: Context): Promise<void> {
  context.print(context.json ? JSON.stringify({ version: version(), node: process.versions.node }) : version());
}
