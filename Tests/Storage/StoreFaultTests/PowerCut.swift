import FaultyDisk
import Simulation

/// The possible contents of a disk after a power failure.
///
/// A file holds everything written before its last sync. Of later writes, each sector was kept, lost or torn,
/// in any order, and each truncation happened or did not. A name in the folder is durable once SQLite syncs
/// the folder, with the first sync of a WAL or journal that it opened. Names created or removed later may be
/// as before. After a failed sync, its data is kept or lost for good: Linux reports the error once and marks
/// the pages as written (https://wiki.postgresql.org/wiki/Fsync_Errors).
struct PowerCut {
  private static let sectorSize = 512

  /// False for a disk that ignores syncs.
  ///
  /// That equals `PRAGMA synchronous = OFF`.
  var honoursSyncs = true
  private var generator: SeededGenerator
  /// About how many of ten unsynced sectors are kept.
  private let kept: Int
  private let isShuffled: Bool
  private var names: [String: [File?]] = [:]

  /// A file, independent of its name.
  private struct File {
    var bytes: [UInt8] = []
    var pending: [Change] = []
  }

  private enum Change {
    case bytes(at: Int, ArraySlice<UInt8>)
    case size(Int)
  }

  /// - Parameter files: the durable files before the record begins.
  init(seed: UInt64, files: [String: [UInt8]] = [:]) {
    names = files.mapValues { [File(bytes: $0)] }
    generator = SeededGenerator(seed: seed)
    kept = [0, 2, 5, 8, 10].randomElement(using: &generator) ?? 5
    isShuffled = Bool.random(using: &generator)
  }

  /// The files by name after a power failure that follows `events`.
  mutating func files(after events: ArraySlice<DiskEvent>) -> [String: [UInt8]] {
    for event in events { follow(event) }
    var files: [String: [UInt8]] = [:]
    for (name, candidates) in names.sorted(by: { $0.key < $1.key }) {
      guard var file = candidates.randomElement(using: &generator) ?? nil else { continue }
      settle(&file)
      files[name] = file.bytes
    }
    return files
  }

  private mutating func follow(_ event: DiskEvent) {
    // Removed while it changes, which avoids a copy.
    var candidates = names.removeValue(forKey: event.name) ?? [nil]
    defer { names[event.name] = candidates }
    guard var file = candidates.removeLast() else {
      candidates.append(nil)
      if case .created = event.kind { candidates.append(File()) }
      return
    }
    switch event.kind {
    case .created: candidates.append(file)
    case .deleted: candidates += [file, nil]
    case .deletedDurably:
      candidates = [nil]
      syncFolder()
    case .written(let offset, let bytes):
      file.pending.append(.bytes(at: offset, bytes[...]))
      candidates.append(file)
    case .truncated(let size):
      file.pending.append(.size(size))
      candidates.append(file)
    case .syncFailed:
      settle(&file)
      candidates.append(file)
    case .synced:
      if honoursSyncs { sync(&file) }
      candidates.append(file)
    case .folderSynced:
      if honoursSyncs {
        candidates = []
        syncFolder()
      }
      candidates.append(file)
    }
  }

  private func sync(_ file: inout File) {
    for change in file.pending { Self.apply(change, to: &file.bytes) }
    file.pending = []
  }

  private mutating func syncFolder() {
    for (name, candidates) in names { names[name] = [candidates.last ?? nil] }
  }

  /// Keeps, tears or drops the changes that no sync made durable.
  private mutating func settle(_ file: inout File) {
    var pending = file.pending.flatMap(Self.sectors(of:))
    if isShuffled { pending.shuffle(using: &generator) }
    for change in pending where Int.random(in: 0..<10, using: &generator) < kept {
      if case .bytes(let offset, let bytes) = change, generator.happens(onceIn: 10) {
        let torn = bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))
        Self.apply(.bytes(at: offset, torn), to: &file.bytes)
      } else {
        Self.apply(change, to: &file.bytes)
      }
    }
    file.pending = []
  }

  /// Splits a write into sectors. The first and last may be partial.
  private static func sectors(of change: Change) -> [Change] {
    guard case .bytes(var offset, var bytes) = change else { return [change] }
    var changes: [Change] = []
    while !bytes.isEmpty {
      let sector = bytes.prefix(sectorSize - offset % sectorSize)
      changes.append(.bytes(at: offset, sector))
      offset += sector.count
      bytes = bytes.dropFirst(sector.count)
    }
    return changes
  }

  private static func apply(_ change: Change, to file: inout [UInt8]) {
    switch change {
    case .size(let size):
      if size < file.count { file.removeLast(file.count - size) } else { extend(&file, to: size) }
    case .bytes(let offset, let bytes):
      extend(&file, to: offset + bytes.count)
      file.withUnsafeMutableBytes { file in
        bytes.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: file[offset...]).copyMemory(from: $0)
        }
      }
    }
  }

  private static func extend(_ file: inout [UInt8], to size: Int) {
    if size > file.count { file += [UInt8](repeating: 0, count: size - file.count) }
  }
}
