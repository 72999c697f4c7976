internal import Jobs
internal import Settings
internal import Time

extension PollPolicy {
  init(_ settings: ProviderSettings) {
    self.init(
      timeout: settings.jobTimeout.wholeMilliseconds,
      firstPoll: settings.token == nil ? nil : settings.reconcileAfter.wholeMilliseconds)
  }
}
