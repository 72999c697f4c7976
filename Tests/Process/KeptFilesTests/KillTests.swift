import BucketStub
import FaultyDisk
import FileServer
import Foundation
import LiveDaemon
import Testing

private let isSanitized = ["ASAN_OPTIONS", "TSAN_OPTIONS"].contains {
  ProcessInfo.processInfo.environment[$0] != nil
}

extension KeptFilesTests {
  /// Kills at each step of one file's way, from the row that queues it to the row that has it stored.
  ///
  /// ARCHIVE_KILLS is the number of kills at each step.
  @Suite(.enabled(if: !isSanitized, "a sanitizer's calls replace those that kill"))
  struct KillTests {
    private static let kills = ProcessInfo.processInfo.environment["ARCHIVE_KILLS"].flatMap { Int($0) } ?? 1

    /// A step, and the way to kill the daemon there.
    struct Step: Sendable, CustomTestStringConvertible {
      /// The moment of the kill.
      enum Moment: Sendable {
        /// At a call of the daemon, as `kill_at.c` has it.
        case call(String)
        /// The same, but not before the bucket has carried out the upload.
        case callAfterUpload(String)
        /// The source has the request, and has sent this part of the file.
        case fetching(Double)
        /// The upload has begun, and is slow.
        case uploading
        /// The bucket has carried out the upload, and has not answered.
        case uploaded
        /// The row has the file as fetched, and the bucket is away.
        case fetched
      }

      let name: String
      let moment: Moment
      /// How often the source may be read.
      var maxFetches = 2
      /// Of the file. A part of a small one is not continued.
      var size = 70_000

      var testDescription: String { name }
    }

    /// Until the file is in the spool for good.
    private static let fetch: [Step] = [
      Step(name: "the row is there", moment: .fetching(0)),
      Step(name: "half a file is there", moment: .fetching(0.5)),
      Step(name: "most of a large file is there", moment: .fetching(0.95), size: 9 << 20),
      Step(name: "before the file is synced", moment: .call("before fsync */spool/*.part")),
      Step(name: "the file is synced", moment: .call("after fsync */spool/*.part")),
      Step(name: "the file has its name", moment: .call("after rename */spool/*")),
      Step(name: "the name is synced", moment: .call("after fsync */spool")),
    ]

    private static let bucketSteps =
      fetch + [
        Step(name: "the row has the file as fetched", moment: .fetched, maxFetches: 1),
        Step(name: "half of the upload is sent", moment: .uploading),
        Step(name: "the upload is sent", moment: .uploaded),
        Step(name: "the upload is answered", moment: .callAfterUpload("before write *-wal")),
        Step(
          name: "the row has the file as stored", moment: .callAfterUpload("before unlink */spool/*[0-9]"),
          maxFetches: 1),
      ]

    private static let folderSteps =
      fetch + [
        Step(name: "the file is linked", moment: .call("after link */files/.partial/*")),
        Step(name: "the link has its name", moment: .call("after rename */files/sha256/*")),
        Step(name: "the link's name is synced", moment: .call("after fsync */files/sha256/[0-9a-f][0-9a-f]")),
        Step(
          name: "the row has the file as stored", moment: .call("before unlink */spool/*[0-9]"), maxFetches: 1
        ),
      ]

    // MARK: the proofs

    @Test(arguments: StoreKind.available)
    func `no file is lost or stored twice on its way to a bucket`(_ kind: StoreKind) throws {
      let bucket = try TestKey.stub()
      let run = try Run(try Keeper(on: kind, bucket: bucket), bucket)
      // Only SQLite's log is a file of the daemon.
      try run.kill(
        at: Self.bucketSteps.filter { kind == .sqlite || $0.name != "the upload is answered" },
        times: Self.kills)
      try run.finish("kill -9 on a file's way to a bucket, \(kind.rawValue)")
    }

    @Test(arguments: StoreKind.available)
    func `no file is lost or stored twice on its way to a folder`(_ kind: StoreKind) throws {
      let run = try Run(try Keeper(on: kind), nil)
      try run.kill(at: Self.folderSteps, times: Self.kills)
      try run.finish("kill -9 on a file's way to a folder, \(kind.rawValue)")
    }

    // MARK: one run

    private struct Totals: Decodable {
      let files: [String: Int]
    }

    private struct File {
      let job: String
      let bytes: [UInt8]
      let step: Step

      var path: String { "/\(job).png" }
      /// After how many bytes the source pauses; nil: it does not.
      var pause: Int? {
        if case .fetching(let part) = step.moment { Int(Double(bytes.count) * part) } else { nil }
      }
    }

    /// A daemon that is killed again and again, with one job each time.
    private final class Run {
      private let keeper: Keeper
      private let bucket: BucketStub?
      private let scratch: TemporaryFolder
      private let library: String
      private var files: [File] = []

      init(_ keeper: Keeper, _ bucket: BucketStub?) throws {
        (self.keeper, self.bucket) = (keeper, bucket)
        scratch = try TemporaryFolder()
        library = scratch.url.appendingPathComponent("kill-at.so").path
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
          .appendingPathComponent("../../Proofs/Preloaded/kill_at.c").path
        let result = try Program.run(
          ["-c", "clang -shared -fPIC -O1 -o \"$0\" \"$1\"", library, source],
          environment: ProcessInfo.processInfo.environment, executable: "/bin/bash")
        guard result.status == 0 else { throw Unusable("kill_at.c: \(result.error)") }
      }

      private var flag: String { scratch.url.appendingPathComponent("flag").path }

      func kill(at steps: [Step], times: Int) throws {
        keeper.daemon.killAtOnce()
        for step in steps {
          for _ in 0..<times {
            try kill(at: step)
            try? FileManager.default.removeItem(atPath: flag)
          }
        }
        try start(nil)
      }

      /// Starts a daemon that is still to be killed, and checks that it recovers what the last one has left.
      private func start(_ call: String?) throws {
        let before = probes
        try keeper.start(
          call.map { ["LD_PRELOAD": library, "KILL_AT": $0, "KILL_FLAG": flag] } ?? [:])
        // The check at the start would meet the faults of a step, and so would the list of files.
        try wait("the probe") { bucket == nil || probes > before }
        guard let last = files.last else { return }
        try keeper.await(last.job, seconds: 40)
        try keeper.expectFile(last.job, is: last.bytes)
        let fetches = keeper.origin.fetches(of: last.path)
        #expect(fetches.count <= last.step.maxFetches, "\(last.step.name): \(fetches)")
        if let pause = last.pause, pause > 8 << 20 {
          #expect(fetches.last?.value(of: "range") == "bytes=\(pause)-", "\(last.step.name)")
        }
        try wait("an empty spool after: \(last.step.name)") { keeper.spooled().isEmpty }
        try wait("the list of files") {
          bucket.map { $0.objects["kept/jobs/\(last.job).json"] != nil } ?? true
        }
      }

      private func kill(at step: Step) throws {
        let call: String? =
          switch step.moment {
          case .call(let call), .callAfterUpload(let call): call
          default: nil
          }
        try start(call)
        let file = File(
          job: "p\(files.count)", bytes: Keeper.bytes(step.size + files.count, seed: UInt64(files.count)),
          step: step)
        let (job, path, bytes, pause) = (file.job, file.path, file.bytes, file.pause)
        let (puts, gate) = (uploads.count, Gate())
        let url = keeper.origin.serve(path) { request, number in
          var answer = FileServer.Answer(ranged: bytes, for: request, ["ETag: \"\(job)\""])
          if number == 0, let pause { answer.pause = (after: pause, until: { gate.pass() }) }
          return answer
        }
        files.append(file)
        switch step.moment {
        case .call:
          try Data().write(to: URL(fileURLWithPath: flag))
          // The daemon may be killed before it has answered. A refusal would show, as there would be no kill.
          try? keeper.end(job, output: url)
        case .callAfterUpload:
          bucket?.inject([.delay(0.3)], on: "PUT")
          try keeper.end(job, output: url)
          try wait("the upload") { uploads.count > puts }
          try Data().write(to: URL(fileURLWithPath: flag))
        case .fetching:
          try keeper.end(job, output: url)
          try wait("the request") { !keeper.origin.fetches(of: path).isEmpty }
          try wait("the part") { try pause == 0 || partSizes().contains { $0 == pause } }
          keeper.daemon.killAtOnce()
        case .fetched:
          bucket?.injectAlways(.answer(503, "SlowDown"))
          try keeper.end(job, output: url)
          try keeper.awaitFile(job, 0, "fetched") { $0.state == "fetched" }
          keeper.daemon.killAtOnce()
          bucket?.injectAlways(nil)
        case .uploading:
          bucket?.inject([.receiveSlowly(bytesPerSecond: 100_000)], on: "PUT")
          try keeper.end(job, output: url)
          try keeper.awaitFile(job, 0, "fetched") { $0.state == "fetched" }
          poll(nil, 0, Int32.random(in: 20...300))
          keeper.daemon.killAtOnce()
        case .uploaded:
          bucket?.inject([.delay(5)], on: "PUT")
          try keeper.end(job, output: url)
          try wait("the upload") { uploads.count > puts }
          keeper.daemon.killAtOnce()
        }
        try wait("the kill: \(step.name)") { !keeper.daemon.process.isRunning }
        gate.open()
        #expect(keeper.daemon.process.terminationReason == .uncaughtSignal, "\(step.name)")
      }

      private var probes: Int {
        bucket?.lines.count { $0.hasPrefix("DELETE kept/.probe-") } ?? 0
      }

      private var uploads: [BucketStub.Request] {
        bucket?.requests.filter { $0.method == "PUT" && $0.key.hasPrefix("kept/sha256/") && $0.status == 200 }
          ?? []
      }

      /// The sizes of files that are being received.
      private func partSizes() throws -> [Int] {
        try keeper.spooled().filter { $0.hasSuffix(".part") }.compactMap { name in
          let path = keeper.folder.url.appendingPathComponent("spool/\(name)").path
          return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        }
      }

      private var stored: Set<String> { bucket?.files ?? keeper.keptFiles() }

      /// Compares all files with their sources, and deletes them.
      func finish(_ fault: String) throws {
        var lost = 0
        for file in files where try keeper.fetch(file.job).body != file.bytes { lost += 1 }
        let twice = stored.count - (files.count - lost)
        #expect(lost == 0 && twice == 0)
        let totals = try JSONDecoder().decode(
          Totals.self, from: Data(try keeper.daemon.fetch("/archive").body))
        #expect(totals.files.filter { $1 > 0 } == ["stored": files.count])
        for file in files {
          #expect(try keeper.daemon.fetch("/jobs/\(file.job)", method: "DELETE").status == 204)
        }
        // A reference too many would keep its file. A minute passes until one process takes over the duty of
        // a dead one, where several may share the store.
        try wait("an empty store", seconds: 100) { stored.isEmpty }
        #expect(keeper.spooled().isEmpty)
        let partial = "\(keeper.filesFolder)/.partial"
        #expect((try? FileManager.default.contentsOfDirectory(atPath: partial)) ?? [] == [])
        ProofRecord.note(
          fault, rounds: files.count, acknowledged: files.count, lost: lost, appliedTwice: twice)
      }
    }
  }
}
