/// What a job must be after events in the order in which they were recorded: the first end wins, else the one that has
/// come furthest. It shares no code with the daemon.
struct JobModel {
  private(set) var state = ""
  private(set) var revision = 0
  private var furthest = -1
  private var newest = (rank: -1, step: -1)

  mutating func record(_ event: Event) {
    guard furthest < 2 else { return }
    let isFurther = event.word.rank > furthest
    // Of two that have come equally far, the one with the longer logs is newer.
    let isNewer = (event.word.rank, event.step) > newest
    guard isFurther || isNewer else { return }
    if isNewer { newest = (event.word.rank, event.step) }
    if isFurther { (furthest, state) = (event.word.rank, event.word.state) }
    revision += 1
  }
}
