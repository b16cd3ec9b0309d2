/** The exit status of a check that could not get what it needs, such as a package from a registry: it counts as skipped, and runs again the next time. */
export const SKIPPED = 75;
