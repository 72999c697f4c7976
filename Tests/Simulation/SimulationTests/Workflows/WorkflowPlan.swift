import Simulation
import WorkflowGraphs

/// What a seed decides about a simulation of workflows.
struct WorkflowPlan {
  struct Workflow {
    let graph: Graph
    /// Whether the first failure cancels everything else.
    let cancelsOnFailure: Bool
    let isCanceled: Bool
    let maxResumes: Int
  }

  var daemon: DaemonPlan
  let workflows: [Workflow]

  init(_ random: inout SeededGenerator) {
    var plan = DaemonPlan(&random)
    // Every job ends as its graph says. So nothing is deleted, erased early, or created without a trace.
    plan.provider.hidesWebhooks = false
    plan.provider.deletesOnceIn = 0
    plan.provider.erasureDelay = 3_600_000
    plan.provider.maxDuration = [500, 4000, 20_000].randomElement(using: &random) ?? 4000
    daemon = plan
    let count = random.happens(onceIn: 5) ? 2 : 1
    workflows = (0..<count).map { number in
      Workflow(
        graph: Graph(seed: random.next(), largePercent: number == 0 ? 3 : 0),
        cancelsOnFailure: random.happens(onceIn: 6), isCanceled: random.happens(onceIn: 4),
        maxResumes: random.happens(onceIn: 3) ? 0 : Int.random(in: 1...2, using: &random))
    }
  }
}
