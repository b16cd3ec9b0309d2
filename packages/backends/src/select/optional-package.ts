/**
 * Imports a package that the application may not have installed. The name is not a literal, so bundlers do not follow
 * it; in a bundled page the application imports the package itself, and its backend is registered already.
 *
 * @throws Error that names the command to install the package.
 */
export async function optionalPackage(name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Record<string, unknown>;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const missing =
      code === 'ERR_MODULE_NOT_FOUND' ||
      code === 'MODULE_NOT_FOUND' ||
      /resolve|specifier|find (package|module)/i.test(message);
    if (missing && message.includes(name)) {
      const page = typeof process === 'undefined' ? ', or not imported by the page' : '';
      throw new Error(`the package ${name} is not installed${page} (npm install ${name})`);
    }
    throw new Error(`the package ${name} did not load: ${message.split('\n')[0]}`);
  }
}
