/** Everything that a worker can run. Nothing here does I/O. */
export { checkSource } from './check-source.ts';
export { s3Source } from './s3-source.ts';
export { tapSource } from './tap-source.ts';
