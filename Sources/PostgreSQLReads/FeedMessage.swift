internal import StoreSeam

/// The content of a notification about committed changes.
///
/// A payload of NOTIFY has less than 8,000 bytes, and only the feed reads it:
/// https://www.postgresql.org/docs/current/sql-notify.html
enum FeedMessage: Equatable {
  /// The jobs that have changed, with the numbers of the changes.
  case changes([CommittedChange])
  /// So many jobs have changed that they are not listed.
  case many

  /// The version of the format, then `<job>:<change>` for each, with a `-` at the end for a deletion.
  private static let version = "1"
  static let maxBytes = 7900
  /// With more jobs than that, every subscriber is woken anyway.
  static let maxJobs = 1024

  /// The payloads that announce `changes`.
  static func payloads(of changes: [CommittedChange]) -> [String] {
    guard changes.count <= maxJobs else { return ["\(version) *"] }
    var payloads: [String] = []
    var payload = version
    for change in changes {
      let item = " \(change.number):\(change.change)\(change.isDeleted ? "-" : "")"
      if payload.utf8.count + item.utf8.count > maxBytes {
        payloads.append(payload)
        payload = version
      }
      payload += item
    }
    return payload == version ? payloads : payloads + [payload]
  }

  /// Nil for a payload of another version, or of another program.
  init?(payload: String) {
    let words = payload.utf8.split(separator: UInt8(ascii: " "))
    guard words.count > 1, words[0].elementsEqual(Self.version.utf8) else { return nil }
    guard !words[1].elementsEqual("*".utf8) else {
      self = .many
      return
    }
    var changes: [CommittedChange] = []
    for word in words.dropFirst() {
      let isDeleted = word.last == UInt8(ascii: "-")
      let numbers = (isDeleted ? word.dropLast() : word).split(separator: UInt8(ascii: ":"))
      guard numbers.count == 2, let job = Int64(Substring(numbers[0])),
        let change = Int64(Substring(numbers[1])), job > 0, change > 0
      else { return nil }
      changes.append(CommittedChange(number: job, id: "", change: change, isDeleted: isDeleted))
    }
    self = .changes(changes)
  }
}
