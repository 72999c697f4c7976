internal import Jobs

/// Holds the end of a job until its files are stored, where its request demands it.
struct ArchiveGate {
  static let error = JobError(
    code: "archive_failed", message: "a file of the output could not be stored: see `files`")
}
