import ArgumentParser
internal import Bytes
import Console

/// `events`: prints what changes, one line a change.
struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Print the changes of a running daemon's jobs, one line each.",
    discussion: """
        replicate-webhookd events --follow --after now
        replicate-webhookd events --follow --state failed --cursor-file cursor | ./notify

      Each job is printed once with its newest state, then again with each change. Off a terminal a line is \
      a JSON object: `event`, `cursor` and `data`. The event is `job`, `deleted`, or with --state `left`: \
      the job is in another state now. States in quick succession may be skipped, the newest never is.

      A script that stores the cursor of the last line misses nothing: it continues with --after. With \
      --cursor-file the command stores it. It may print a line again after a crash, but loses none.

      With --follow the command reconnects for as long as a daemon that has answered once is away.

      Exit status: 0, also after SIGINT; 1 if this is no jobs API, 65 if the daemon rejects the request or \
      the cursor, 66 if the cursor file cannot be read or written, 69 if no daemon answers.
      """)

  @Flag(help: "Wait for later changes, until SIGINT.")
  var follow = false

  @Option(help: "Print only what has changed after this cursor; `now` prints only later changes.")
  var after: String?

  @Option(help: ArgumentHelp("Continue after the cursor in this file, and keep it there.", valueName: "path"))
  var cursorFile: String?

  @OptionGroup var filter: JobFilterOptions

  @Flag(help: "Print JSON, even on a terminal.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let file = cursorFile.map(CursorFile.init)
      var follower = EventFollower(
        of: try api.interruptibleClient(), after: try file?.read() ?? after,
        parameters: filter.parameters, waits: follow)
      let isReadable = !json && Terminal.isInteractive
      // Ends with SIGINT, with the reader of the output, or without --follow with the last change.
      while true {
        switch try follower.next() {
        case .interrupted: return
        case .end:
          if isReadable, let cursor = follower.cursor { Terminal.print("next: --after \(cursor)") }
          return try keep(follower.cursor, in: file)
        case .events(let events):
          guard events.isEmpty || print(events, isReadable: isReadable) else { return }
          try keep(follower.cursor, in: file)
        }
      }
    }
  }

  private func keep(_ cursor: String?, in file: CursorFile?) throws(CommandFailure) {
    guard let cursor else { return }
    try file?.write(cursor)
  }

  /// False if the reader is gone.
  private func print(_ events: [JSONDocument], isReadable: Bool) -> Bool {
    guard isReadable else {
      return Terminal.print(json: events.flatMap { $0.bytes + [UInt8(ascii: "\n")] })
    }
    for event in events { Terminal.print(Self.line(of: event)) }
    return true
  }

  /// The change as people read it: time, state, id and model.
  static func line(of event: JSONDocument) -> String {
    let data = event.object("data")
    let name = event.text("event") ?? "-"
    let state = name == "job" ? data?.text("state") ?? "-" : name
    let time = data?.text("updated_at") ?? String(repeating: " ", count: 24)
    let texts = [time, state.padded(to: 9), data?.text("id") ?? "-", data?.text("model") ?? ""]
    let line = texts.map { Terminal.visible($0) }.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
