/**
 * Where the program begins. Plain JavaScript: the cache has to be on before the first TypeScript is loaded, else Node keeps
 * its TypeScript parser (12 MB) in memory for the sake of one file. It also tells an old Node what is wrong in words.
 */
import { existsSync } from 'node:fs';
import module from 'node:module';

// Older ones have no such function; saying so beats failing at the first syntax that they do not know.
if (typeof module.enableCompileCache !== 'function') {
  process.stderr.write(`proxmox-agent needs Node 22.18 or newer; this is ${process.version}.\n`);
  process.exit(1);
}
// Stripped types are kept between starts; a warm start parses no TypeScript.
module.enableCompileCache();

// The published package holds JavaScript; a checkout runs the sources as they are.
const source = new URL('../src/main.ts', import.meta.url);
await import(existsSync(source) ? source : new URL('../dist/main.js', import.meta.url));
