internal import CLibFuzzer
internal import FuzzTargets
internal import Glibc

/// Runs libFuzzer on the target that FUZZ_TARGET names.
///
/// A variable and not an argument, because libFuzzer restarts the program with its own arguments.
@main struct FuzzProgram {
  fileprivate static let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      report("FUZZ_TARGET is \(name.debugDescription) and must be one of \(names); deploy/fuzz.sh sets it")
      exit(64)
    }
    return target
  }()

  nonisolated static func main() {
    _ = target
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &arguments) { runOneInput($0, $1) })
  }

  fileprivate static func report(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }
}

/// The name that libFuzzer's own main would call.
///
/// It is linked, but unused.
@_cdecl("LLVMFuzzerTestOneInput")
func runOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Violation) {
    try FuzzProgram.target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    FuzzProgram.report("VIOLATION: \(error)")
    // libFuzzer treats a trap as a crash, and keeps its input.
    preconditionFailure(error.rule)
  }
  return 0
}
