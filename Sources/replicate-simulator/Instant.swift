internal import EventLoop
internal import Jobs
internal import Time

/// A time of this program's clock, in nanoseconds since 1970-01-01T00:00:00Z.
struct Instant: Hashable, InstantProtocol, Sendable {
  let nanoseconds: Int64

  static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Saturates at the largest representable time, which never comes.
  static func + (instant: Instant, duration: Duration) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(
      Int64(clamping: duration.wholeNanoseconds))
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// The time from `earlier` to `later`; zero if negative.
  static func - (later: Instant, earlier: Instant) -> Duration {
    .nanoseconds(max(0, later.nanoseconds - earlier.nanoseconds))
  }

  func advanced(by duration: Duration) -> Instant { self + duration }

  func duration(to later: Instant) -> Duration { later - self }

  var seconds: Int64 { nanoseconds / 1_000_000_000 }

  /// `2026-11-22T10:00:02.340178Z`, truncated to `digits` fraction digits, 3 to 9.
  func rfc3339(fractionDigits digits: Int) -> String {
    let whole = Timestamp(unixSeconds: seconds).rfc3339Seconds.dropLast()
    return whole + "." + nanoseconds.fraction.prefix(digits) + "Z"
  }
}

extension Int64 {
  /// The nine fraction digits of these nanoseconds in seconds.
  fileprivate var fraction: String {
    let digits = String(self % 1_000_000_000)
    return String(repeating: "0", count: 9 - digits.count) + digits
  }
}

extension Duration {
  /// Seconds as a JSON number without trailing zeros, such as `2.000517`.
  var secondsText: String {
    let nanoseconds = Int64(clamping: wholeNanoseconds)
    var fraction = nanoseconds.fraction[...]
    while fraction.last == "0" { fraction.removeLast() }
    let whole = String(nanoseconds / 1_000_000_000)
    return fraction.isEmpty ? whole : whole + "." + fraction
  }

  /// The duration times `numerator` / `denominator`.
  func part(_ numerator: Int, of denominator: Int) -> Duration {
    let (quotient, remainder) = wholeNanoseconds.quotientAndRemainder(dividingBy: UInt64(denominator))
    let rest = remainder * UInt64(numerator) / UInt64(denominator)
    return .nanoseconds(Int64(clamping: quotient)) * numerator + .nanoseconds(Int64(clamping: rest))
  }

  /// The duration times `fraction`, 0 to 1.
  func part(_ fraction: Double) -> Duration {
    .nanoseconds(Int64(Double(Int64(clamping: wholeNanoseconds)) * fraction))
  }
}

/// The clock of a run: wall time at start plus monotonic time.
///
/// Setting the system's time meanwhile has no effect.
struct SimulatorClock: Sendable {
  private let wallStart: Instant
  private let monotonicStart: MonotonicTime

  init() {
    wallStart = Instant(nanoseconds: WallClock.milliseconds * 1_000_000)
    monotonicStart = MonotonicClock.now
  }

  var now: Instant { wallStart + (MonotonicClock.now - monotonicStart) }

  func monotonicTime(of instant: Instant) -> MonotonicTime {
    monotonicStart + (instant - wallStart)
  }
}
