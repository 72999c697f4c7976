/// The state a job must have after its events, in recorded order.
///
/// The first end wins, otherwise the event that has come furthest. It shares no code with the daemon.
struct JobModel {
  private(set) var state = ""
  private(set) var revision = 0
  private var furthest = -1
  private var newest = (rank: -1, step: -1)

  mutating func record(_ event: Event) {
    guard furthest < 2 else { return }
    let isFurther = event.report.rank > furthest
    // Of two events that have come equally far, the one with the longer logs is newer.
    let isNewer = (event.report.rank, event.step) > newest
    guard isFurther || isNewer else { return }
    if isNewer { newest = (event.report.rank, event.step) }
    if isFurther { (furthest, state) = (event.report.rank, event.report.state) }
    revision += 1
  }
}
