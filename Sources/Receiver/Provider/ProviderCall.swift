internal import Jobs
internal import Store

/// A call to the provider that one ``ProviderCaller`` is to make.
enum ProviderCall: Sendable {
  case step(OrderStep)
  case ask(Sweep.Question)
  case fetchSecret
}

/// What the ``Dispatcher`` is told.
enum DispatcherEvent: Sendable {
  /// There may be something to do.
  case wake
  /// A delivery's signature was not right. If many are not, the secret may have changed.
  case verificationFailed
  case done(caller: Int, pause: ProviderPause?)
}

/// The provider wants fewer calls.
struct ProviderPause: Equatable, Sendable {
  let seconds: Int
  /// Only calls that create are meant.
  let isForCreates: Bool
}
