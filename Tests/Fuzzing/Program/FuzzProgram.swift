internal import CLibFuzzer
internal import FuzzTargets
internal import Glibc

/// Hands libFuzzer one target, which FUZZ_TARGET names: a variable, for libFuzzer starts the program again
/// with its own arguments.
@main struct FuzzProgram {
  fileprivate static let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      say("FUZZ_TARGET is \(name.debugDescription) and must be one of \(names); deploy/fuzz.sh sets it")
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

  fileprivate static func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }
}

/// The name by which libFuzzer's own main, which is linked but not used, would call the target.
@_cdecl("LLVMFuzzerTestOneInput")
func runOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Violation) {
    try FuzzProgram.target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    FuzzProgram.say("VIOLATION: \(error)")
    // A trap is what libFuzzer takes for a crash, and keeps the input of.
    preconditionFailure(error.rule)
  }
  return 0
}
