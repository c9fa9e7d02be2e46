/** How one script of the project runs another: as TypeScript in a checkout, or compiled, as this module itself is. */
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const extension = extname(import.meta.url);

/** Arguments of Node. `name`: below scripts/, without its ending. `root`: of the copy of the project whose script it is, else this one. */
export function scriptArguments(name: string, root?: string): string[] {
  const file =
    root === undefined
      ? fileURLToPath(new URL(`${name}${extension}`, import.meta.url))
      : join(root, `scripts/${name}${extension}`);
  return [...(extension === '.ts' ? ['--import', 'tsx'] : []), file];
}
