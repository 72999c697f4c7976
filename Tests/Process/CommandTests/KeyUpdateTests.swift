import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Clients that only flood their TLS connections with key updates.
  @Suite struct KeyUpdateTests {
    /// Four threads that keep reconnecting. It uses libssl, because Python's `ssl` cannot update keys.
    private static let flood = """
      import ctypes, socket, sys, threading
      library = ctypes.CDLL("libssl.so.3")
      for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
          getattr(library, name).restype = ctypes.c_void_p
      def call(name, *arguments):
          return getattr(library, name)(*[ctypes.c_void_p(a) if a and a > 1 << 31 else a for a in arguments])
      context = call("SSL_CTX_new", call("TLS_client_method"))
      def flood():
          while True:
              plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
              connection = call("SSL_new", context)
              call("SSL_set_fd", connection, plain.fileno())
              if call("SSL_connect", connection) == 1:
                  while call("SSL_key_update", connection, 1) == 1:
                      if call("SSL_do_handshake", connection) != 1:
                          break
              call("SSL_free", connection)
              plain.close()
      for _ in range(4):
          threading.Thread(target=flood).start()
      """

    @Test func aFloodOfKeyUpdatesDelaysNoOtherClient() throws {
      let server = try TLSDaemon()
      let result = try server.python(
        """
        flood = subprocess.Popen(["python3", "-c", '''\(Self.flood)''', str(port)])
        slowest, end = 0, time.monotonic() + 5
        try:
            while time.monotonic() < end:
                start = time.monotonic()
                assert get_status(connect(trusting())) == 200
                slowest = max(slowest, time.monotonic() - start)
            assert flood.poll() is None, "the flood has ended"
        finally:
            flood.kill()
        print(slowest)
        """)
      #expect(result.status == 0, "\(result.error)")
      let slowest = Double(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .infinity
      #expect(slowest < 1, "the slowest took \(slowest) s")
      let metrics = try server.daemon.fetch("/metrics").text.split(separator: "\n")
      let closed = metrics.first { $0.contains(#"connection_failures_total{reason="empty_records"}"#) }
      #expect(
        closed.flatMap { $0.split(separator: " ").last.flatMap { Int($0) } } ?? 0 > 4, "\(closed ?? "")")
    }
  }
}
