import FaultyDisk
import Simulation
import StandardWebhooks
import WorkflowGraphs

/// Random workflows, which must end as the naive evaluator does.
final class GraphSimulation: WorkflowSimulation {
  let evaluations: [Evaluation]

  /// A workflow of the plan, and what must come of it.
  struct Evaluation {
    let plan: WorkflowPlan.Workflow
    let naive: NaiveEvaluator

    init(_ plan: WorkflowPlan.Workflow) {
      self.plan = plan
      var naive = NaiveEvaluator(job: plan.graph.output)
      naive.evaluate(plan.graph.steps)
      self.naive = naive
    }

    func script(_ place: Graph.Place) -> JobScript? {
      naive.inputs[place].map { input in
        JobScript(
          input: input, retries: plan.graph.steps.first { $0.name == place.step }?.retries ?? 0,
          interruptions: plan.graph.interruptions(at: place), output: plan.graph.output(at: place)?.text)
      }
    }
  }

  /// - Parameter hasFault: whether a fault is planted in the database, which every daemon then begins with.
  init(
    seed: UInt64, disk: MemoryDisk, database: [UInt8], signing: Signing, hasFault: Bool = false
  ) {
    var random = SeededGenerator(seed: seed ^ 0x57F1)
    var plan = WorkflowPlan(&random)
    if hasFault { plan.daemon.faults.beginsWithNothing = false }
    let evaluations = plan.workflows.map(Evaluation.init)
    self.evaluations = evaluations
    let workflows = plan.workflows.enumerated().map { number, planned in
      let failure = planned.cancelsOnFailure ? #""on_failure":"cancel","# : ""
      let members = #""id":"g\#(number)",\#(failure)"callback":{"url":"\#(Self.callbackURLs)g"},"#
      return AppWorkflow(
        id: "g\(number)", body: planned.graph.text(with: members),
        cancelTime: planned.isCanceled ? Int.random(in: 0...plan.daemon.span, using: &random) : nil,
        maxResumes: planned.maxResumes)
    }
    super.init(
      seed: seed, plan: plan.daemon, workflows: workflows,
      script: { id in
        guard let place = Graph.Place(ofJob: id), let number = Int(id.dropFirst(3).prefix { $0 != "-" }),
          evaluations.indices.contains(number)
        else { return nil }
        return evaluations[number].script(place)
      }, disk: disk, database: database, signing: signing, random: random)
  }

  override func run() {
    super.run()
    guard problem == nil else { return }
    if let reason = GraphVerdict(self).problem() { fail(reason) }
  }
}
