internal import Jobs
internal import JSONText

/// The API's document of counts: every state, also those without jobs.
enum CountsDocument {
  static func render(_ counts: StateCounts) -> [UInt8] {
    var writer = JSONWriter(capacity: 160)
    writer.object { object in
      object.member("total", integer: counts.total)
      object.member("states") { states in
        states.object { object in
          for state in JobState.allCases {
            object.member(named: state.rawValue) { $0.integer(counts[state]) }
          }
        }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
