/** `node --import` this to resolve the packages of the scratch folder as if they were installed beside the program. */
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { scratch, VERSIONS } from './scratch.mjs';

register(
  `data:text/javascript,${encodeURIComponent(`
  const names = ${JSON.stringify(Object.keys(VERSIONS))};
  const parentURL = ${JSON.stringify(pathToFileURL(`${scratch}/package.json`).href)};
  export const resolve = (name, context, next) => next(name, names.includes(name) ? { ...context, parentURL } : context);
`)}`,
);
