import Glibc
import Logging

/// The log of a simulation, which `SIMULATION_LOG=1` writes to standard error.
///
/// Use it with one seed. Otherwise nothing is written, because injected faults would fill the log.
enum SimulationLog {
  static let isOn = getenv("SIMULATION_LOG") != nil

  /// The daemon's logger.
  static let logger = Logger(label: "simulation") { label in
    isOn ? StreamLogHandler.standardError(label: label) as any LogHandler : SwiftLogNoOpLogHandler()
  }

  static func write(_ time: Int64, _ text: @autoclosure () -> String) {
    guard isOn else { return }
    let line = Array("\(time) \(text())\n".utf8)
    _ = Glibc.write(2, line, line.count)
  }
}
