import base from '../../tsup.base';
import { defineConfig } from 'tsup';

export default defineConfig({
  ...(base as object),
  // tfjs-core publishes its gradients only as a module that Node cannot load by itself; see src/register-gradients.ts.
  noExternal: [/^@tensorflow\/tfjs-core\/dist\/register_all_gradients$/],
});
