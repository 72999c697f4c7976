/// The permissions of the tests' process.
package enum Sandbox {
  /// Whether this process may mount in a namespace of its own.
  package static let canMount: Bool = {
    let result = try? Program.run(
      ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"],
      executable: "/usr/bin/unshare")
    return result?.status == 0
  }()
}
