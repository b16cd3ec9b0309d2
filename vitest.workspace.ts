/** The test projects; vitest 4 reads them through `test.projects` in vitest.config.ts. */
export default ['packages/*', 'examples/*'];
