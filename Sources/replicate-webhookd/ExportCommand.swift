import ArgumentParser
import Console

/// `export`: all jobs of a running daemon, one line each.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write the jobs of a running daemon, one line of JSON each.",
    discussion: """
        replicate-webhookd export > jobs.ndjson
        replicate-webhookd export --cursor-file cursor >> jobs.ndjson

      A line is an object: `event` (`job` or `deleted`), `cursor` and `data`, the job as the API shows it \
      with its input, output and metrics. Pages of at most 8 MiB are read through the API and written at \
      once, so that memory stays flat and the daemon goes on. A job that changes meanwhile comes again, in \
      its newest state: the last line of an id counts.

      The next export writes only what has changed since: after the cursor of the last line, or after that \
      in the cursor file.

      Exit status: 0 if all was written, 1 if this is no jobs API, 65 if the daemon rejects the request or \
      the cursor, 66 if the cursor file cannot be read or written, 69 if no daemon answers, 130 after \
      SIGINT.
      """)

  @Option(help: "Write only what has changed after this cursor.")
  var after: String?

  @Option(help: ArgumentHelp("Continue after the cursor in this file, and keep it there.", valueName: "path"))
  var cursorFile: String?

  @OptionGroup var filter: JobFilterOptions

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let file = cursorFile.map(CursorFile.init)
      var parameters = filter.parameters
      if filter.include == nil { parameters.append(("include", "input,output,metrics")) }
      var follower = EventFollower(
        of: try api.interruptibleClient(), after: try file?.read() ?? after, parameters: parameters,
        waits: false)
      var count = 0
      // Ends with the last change, with SIGINT, or with the reader of the output.
      while true {
        switch try follower.next() {
        case .interrupted: throw ExitCode(130)
        case .end:
          if let cursor = follower.cursor {
            try file?.write(cursor)
            Terminal.note("\(count) line(s); later changes: --after \(cursor)")
          }
          return
        case .events(let events):
          guard Terminal.print(json: events.flatMap { $0.bytes + [UInt8(ascii: "\n")] }) else { return }
          count += events.count
          if let cursor = follower.cursor { try file?.write(cursor) }
        }
      }
    }
  }
}
