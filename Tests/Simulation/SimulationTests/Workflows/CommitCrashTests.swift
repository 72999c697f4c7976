import Testing
import WorkflowGraphs

/// The examples of the documentation, with a crash before and after each commit.
@Suite struct CommitCrashTests {
  @Test(arguments: WorkflowExample.allCases)
  func `a crash at any commit changes neither the result nor what is paid for`(
    _ example: WorkflowExample
  ) async throws {
    let run = try SeededRun()
    let whole = try run.example(example, crash: nil)
    #expect(whole.problem == nil)
    let commits = whole.counts[.commit]
    #expect(commits > 3 * example.predictionCount)
    for number in 1...commits {
      for isAfter in [false, true] {
        let result = try run.example(example, crash: .init(number: number, isAfter: isAfter))
        #expect(result.counts[.crash] >= 1, "no crash at commit \(number)")
        if let problem = result.problem {
          Issue.record("a crash \(isAfter ? "after" : "before") commit \(number) of \(commits): \(problem)")
        }
      }
      // Other tests share the threads.
      await Task.yield()
    }
  }
}

extension SeededRun {
  fileprivate func example(
    _ example: WorkflowExample, crash: MachineSimulation.CommitCrash?
  ) throws -> Result {
    try run(7) { seed, disk, database, signing in
      ExampleSimulation(
        example, seed: seed, crash: crash, disk: disk, database: database, signing: signing)
    }
  }
}
