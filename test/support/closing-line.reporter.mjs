/** Ends a run with the one line that `.ci/run` promises: `N passed, N failed`. */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const broken = results.testResults.filter((file) => file.testExecError).length;
    const line = `${results.numPassedTests} passed, ${results.numFailedTests + broken} failed\n`;
    // At the very end: jest prints a summary of its own after the reporters have run.
    process.once('exit', () => process.stdout.write(line));
  }
}
