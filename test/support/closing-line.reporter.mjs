/** Ends a run with the line that `.ci/run` promises: `N passed, N failed`. */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const broken = results.testResults.filter((file) => file.testExecError).length;
    const line = `${results.numPassedTests} passed, ${results.numFailedTests + broken} failed\n`;
    // Jest prints its own summary after the reporters have run, so print this at exit.
    process.once('exit', () => process.stdout.write(line));
  }
}
