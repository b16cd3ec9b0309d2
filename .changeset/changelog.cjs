/** The lines of a CHANGELOG: a changeset each, as it is written, and the updated packages in one line in place of a line for each changeset. */
module.exports = {
  getReleaseLine: async ({ summary }) => `- ${summary.trim().split('\n').join('\n  ').replaceAll(/ +$/gm, '')}`,

  getDependencyReleaseLine: async (_changesets, updated) =>
    updated.length === 0
      ? ''
      : `- Updated dependencies: ${updated.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`).join(', ')}.`,
};
