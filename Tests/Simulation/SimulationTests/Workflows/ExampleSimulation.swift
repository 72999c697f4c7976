import FaultyDisk
import Simulation
import StandardWebhooks
import WorkflowGraphs

/// An example of the documentation without any faults but a crash at a chosen commit.
final class ExampleSimulation: WorkflowSimulation {
  private let example: WorkflowExample

  /// - Parameter crash: where the machine crashes, by the number of the commit from 1; nil: nowhere.
  init(
    _ example: WorkflowExample, seed: UInt64, crash: MachineSimulation.CommitCrash?, disk: MemoryDisk,
    database: [UInt8], signing: Signing
  ) {
    self.example = example
    var random = SeededGenerator(seed: seed)
    let jobs = example.jobs
    super.init(
      seed: seed, plan: DaemonPlan(calm: &random),
      workflows: [AppWorkflow(id: example.id, body: example.body, cancelTime: nil, maxResumes: 0)],
      script: { id in
        Graph.Place(ofJob: id).flatMap { jobs[$0] }.map {
          JobScript(
            input: $0.input, retries: $0.retries, interruptions: $0.interruptions, output: $0.output)
        }
      }, disk: disk, database: database, signing: signing, random: random)
    commitCrash = crash
  }

  override func run() {
    super.run()
    guard problem == nil, let shown = workflows.first?.shown else { return }
    if shown.state != example.state { fail("it is \(shown.state), not \(example.state)") }
    if shown.output != example.output { fail("its output is \(shown.output ?? "none")") }
    let count = account.predictions.count
    if count != example.predictionCount { fail("\(count) predictions, not \(example.predictionCount)") }
    if shown.predictions != count { fail("\(shown.predictions) of \(count) predictions are counted") }
    for (number, job) in jobs.enumerated() where !job.id.hasSuffix("-1") && !job.id.contains("-1-f") {
      fail("job \(number) is \(job.id), of another attempt")
    }
    if jobs.count != example.jobs.count { fail("\(jobs.count) jobs, not \(example.jobs.count)") }
  }
}

extension DaemonPlan {
  /// Nothing fails.
  fileprivate init(calm random: inout SeededGenerator) {
    self.init(&random)
    (span, createsPerMinute, reconcileAfter, clockSteps) = (1000, 600, 30, [])
    faults = MachineFaults()
    provider = ProviderPlan()
    provider.maxDuration = 2000
  }
}
