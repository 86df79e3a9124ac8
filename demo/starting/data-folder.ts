/**
 * Where the private servers keep their data from run to run; Git ignores it. Relative, as npm runs
 * scripts in the project's folder, and short enough for the commands that are printed.
 */
export const DATA_FOLDER = '.data';
