import { join } from 'node:path';
import { filesBelow } from './files.ts';

/** Every file of `src/actions` that is an action: in the folder of a domain, not in `parts`, not a test. */
export function actionFiles(): { file: string; id: string }[] {
  return filesBelow('src/actions', '.ts')
    .filter(
      (file) =>
        !file.endsWith('.test.ts') && !file.startsWith(join('src/actions', 'parts')) && file.split('/').length > 3,
    )
    .map((file) => ({ file, id: file.slice('src/actions/'.length, -'.ts'.length).replaceAll('/', '.') }));
}
