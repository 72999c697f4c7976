import Foundation
import System

@testable import BlobStores

/// A file system in memory, which fails, kills its process or loses power at a chosen call.
///
/// It keeps apart what is seen and what is on the disk: content and names get there by flushes alone.
/// Where ``namesOutliveContent`` is set, each name gets there at once, as a journal may have it: then content
/// that was not flushed before is lost under its name.
final class MemoryFiles: FileCalls {
  enum Fault: Sendable, CaseIterable {
    /// The call does nothing, and fails.
    case failure
    /// The process ends before the call.
    case killBefore
    /// The process ends after the call.
    case killAfter
  }

  private struct State {
    var contents: [Int: [UInt8]] = [:]
    var flushedContents: [Int: [UInt8]] = [:]
    /// Files by their paths.
    var names: [String: Int] = [:]
    var flushedNames: [String: Int] = [:]
    var folders: Set<String> = ["/"]
    var flushedFolders: Set<String> = ["/"]
    var nextFile = 0
    var isDead = false
    var calls: [String] = []
    var fault: (at: Int, kind: Fault)?
    var namesOutliveContent = false
  }

  private let state = Lock(State())
  /// Why no second name is given to a file; nil if it is.
  private let linkError: Int32?

  init(linkError: Int32? = nil) { self.linkError = linkError }

  /// The calls since the last start.
  var calls: [String] { state.withLock { $0.calls } }

  /// - Parameters:
  ///   - fault: happens at a call, counted from 0.
  func start(_ fault: (at: Int, kind: Fault)? = nil, namesOutliveContent: Bool = false) {
    state.withLock {
      $0.isDead = false
      $0.calls = []
      $0.fault = fault
      $0.namesOutliveContent = namesOutliveContent
    }
  }

  /// All that was not flushed is gone.
  func losePower() {
    state.withLock { state in
      if state.namesOutliveContent {
        state.flushedNames = state.names
        state.flushedFolders = state.folders
      }
      state.contents = state.flushedContents
      state.folders = state.flushedFolders.filter { Self.isReachable($0, state.flushedFolders) }
      state.names = state.flushedNames.filter { Self.isReachable($0.key, state.flushedFolders) }
    }
  }

  private static func isReachable(_ path: String, _ folders: Set<String>) -> Bool {
    var path = path
    while path != "/" {
      path = folder(of: path)
      guard folders.contains(path) else { return false }
    }
    return true
  }

  private static func folder(of path: String) -> String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }

  /// Puts a file on the disk, with its folders.
  func put(_ bytes: [UInt8], at path: String) {
    state.withLock { state in
      state.contents[state.nextFile] = bytes
      state.flushedContents[state.nextFile] = bytes
      state.names[path] = state.nextFile
      state.flushedNames[path] = state.nextFile
      var folder = Self.folder(of: path)
      while state.folders.insert(folder).inserted { folder = Self.folder(of: folder) }
      state.flushedFolders.formUnion(state.folders)
      state.nextFile += 1
    }
  }

  func content(of path: String) -> [UInt8]? {
    state.withLock { state in state.names[path].map { state.contents[$0] ?? [] } }
  }

  func paths(below folder: String) -> [String] {
    state.withLock { $0.names.keys.filter { $0.hasPrefix("\(folder)/") }.sorted() }
  }

  private func call<Result>(
    _ name: String, _ path: String, _ body: (inout State) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    try state.withLock { state throws(SystemError) in
      guard !state.isDead else { throw SystemError(call: name, number: EIO) }
      let fault = state.fault?.at == state.calls.count ? state.fault?.kind : nil
      state.calls.append("\(name) \(path)")
      if let fault {
        state.isDead = fault != .failure
        if fault != .killAfter { throw SystemError(call: "\(name) \(path)", number: EIO) }
      }
      let result = try body(&state)
      if state.isDead { throw SystemError(call: name, number: EIO) }
      return result
    }
  }

  private func error(_ number: Int32) -> SystemError { SystemError(call: "memory", number: number) }

  // MARK: calls

  func makeFolder(_ path: String) throws(SystemError) -> Bool {
    try call("mkdir", path) { state throws(SystemError) in
      guard state.folders.contains(Self.folder(of: path)) else { throw error(ENOENT) }
      return state.folders.insert(path).inserted
    }
  }

  func size(of path: String) throws(SystemError) -> Int? {
    try call("stat", path) { state in state.names[path].map { state.contents[$0]?.count ?? 0 } }
  }

  func flush(_ path: String) throws(SystemError) {
    try call("flush", path) { state throws(SystemError) in
      if let file = state.names[path] {
        state.flushedContents[file] = state.contents[file] ?? []
      } else {
        guard state.folders.contains(path) else { throw error(ENOENT) }
        state.flushedNames = state.flushedNames.filter { Self.folder(of: $0.key) != path }
        for (name, file) in state.names where Self.folder(of: name) == path {
          state.flushedNames[name] = file
        }
        state.flushedFolders.formUnion(state.folders.filter { Self.folder(of: $0) == path })
      }
    }
  }

  func link(_ path: String, to new: String) throws(SystemError) {
    try call("link", new) { state throws(SystemError) in
      if let linkError { throw error(linkError) }
      guard state.names[new] == nil else { throw error(EEXIST) }
      state.names[new] = state.names[path]
    }
  }

  func copy(_ path: String, to new: String, isCanceled: () -> Bool) throws(SystemError) {
    let bytes = try call("read", path) { state in state.names[path].map { state.contents[$0] ?? [] } }
    guard let bytes else { throw error(ENOENT) }
    try write(Array(bytes.prefix(bytes.count / 2)), to: new)
    try call("append", new) { state in if let file = state.names[new] { state.contents[file] = bytes } }
  }

  func write(_ bytes: [UInt8], to new: String) throws(SystemError) {
    try call("write", new) { state throws(SystemError) in
      guard state.names[new] == nil else { throw error(EEXIST) }
      state.names[new] = state.nextFile
      state.contents[state.nextFile] = bytes
      state.nextFile += 1
    }
  }

  func rename(_ path: String, to new: String) throws(SystemError) {
    try call("rename", new) { state throws(SystemError) in
      guard let file = state.names[path] else { throw error(ENOENT) }
      guard state.names[new] != file else { return }
      state.names[new] = file
      state.names[path] = nil
    }
  }

  func remove(_ path: String) throws(SystemError) -> Bool {
    try call("remove", path) { state in state.names.removeValue(forKey: path) != nil }
  }

  func names(in folder: String) throws(SystemError) -> [String] {
    try call("list", folder) { state in
      state.names.keys.filter { Self.folder(of: $0) == folder }
        .map { String($0.dropFirst(folder.count + 1)) }.sorted()
    }
  }

  func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]? {
    try call("read", path) { state in
      state.names[path].map { Array((state.contents[$0] ?? []).prefix(limit)) }
    }
  }
}
