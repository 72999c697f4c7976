import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// The daemon's TLS with independent clients: curl, openssl s_client and Python's ssl.
  @Suite struct TLSClientTests {
    @Test(arguments: ["1.2", "1.3"])
    func curlDeliversOverTLS(_ version: String) throws {
      let server = try TLSDaemon()
      let delivery = try SignedDelivery(id: "m1", prediction: "p1", status: "succeeded")
      let result = try Program.run(
        [
          "-sS", "--max-time", "20", "--cacert", server.certificate, "--tlsv\(version)", "--tls-max", version,
          "--resolve", "hooks.example.com:\(server.port):127.0.0.1", "-o", "/dev/null", "-w",
          "%{http_code} %{http_version}", "--data-binary", String(decoding: delivery.body, as: UTF8.self),
        ] + delivery.fields.flatMap { ["-H", $0] }
          + ["https://hooks.example.com:\(server.port)/webhooks/replicate"], executable: "/usr/bin/curl")
      #expect(result.output == "200 1.1", "\(result.error)")
      #expect(try server.daemon.job("p1")["state"] as? String == "succeeded")
    }

    /// Parameters that a client may offer and a modern server must reject.
    @Test(arguments: [
      ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"],
      ["-tls1_2", "-cipher", "AES128-SHA@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
      ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
      ["-tls1_2", "-cipher", "aNULL@SECLEVEL=0"], ["-tls1_2", "-cipher", "eNULL@SECLEVEL=0"],
      ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"],
      ["-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"],
      ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
      ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
      ["-alpn", "h2"], ["-alpn", "h2,http/1.0"], ["-groups", "P-521"],
    ])
    func weakProtocolsAndCiphersAreRefused(_ arguments: [String]) throws {
      let server = try TLSDaemon()
      let result = try server.openssl(arguments)
      #expect(!result.output.contains("Cipher is TLS") && !result.output.contains("Cipher is ECDHE"))
      #expect(result.error.contains("alert") || result.output.contains("Cipher is (NONE)"), "\(result.error)")
    }

    @Test(arguments: [
      ([], "TLSv1.3"), (["-tls1_2"], "TLSv1.2"), (["-alpn", "h2,http/1.1"], "ALPN protocol: http/1.1"),
      (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "ECDHE-ECDSA-CHACHA20-POLY1305"),
      (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"], "AES128-GCM"),
      (["-tls1_2"], "Secure Renegotiation IS supported"),
      (["-tls1_2"], "Compression: NONE"), (["-noservername"], "TLSv1.3"),
      (["-servername", "other.example"], "TLSv1.3"),
    ])
    func strongCiphersAreChosenByServerPreference(_ arguments: [String], _ shown: String) throws {
      let server = try TLSDaemon()
      let result = try server.openssl(arguments)
      #expect(result.output.contains(shown), "\(result.output)")
    }

    /// A handshake costs the server more than the client.
    ///
    /// The command `R` makes a connected s_client renegotiate.
    @Test func renegotiationIsRefused() throws {
      let script = """
        coproc openssl s_client -connect 127.0.0.1:$0 -tls1_2 2>&1
        while read -r line; do
          [[ $line == *"Extended master secret"* ]] && echo R >&${COPROC[1]}
          [[ $line == *"no renegotiation"* ]] && exit 0
        done <&${COPROC[0]}
        exit 1
        """
      let server = try TLSDaemon()
      let result = try Program.run(
        ["20", "bash", "-c", script, "\(server.port)"], executable: "/usr/bin/timeout")
      #expect(result.status == 0)
    }

    @Test func aSessionIsResumedByItsTicketAlsoAfterAReload() throws {
      let server = try TLSDaemon()
      let result = try server.python(
        """
        context = trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        first = connect(context)
        assert get_status(first) == 200 and not first.session_reused
        assert get_status(connect(context, first.session)) == 200
        assert connect(context, first.session).session_reused, "not resumed"
        os.kill(daemon, signal.SIGHUP)
        until_logged("certificate loaded", 2)
        assert connect(context, first.session).session_reused, "not resumed after the reload"
        """)
      #expect(result.status == 0, "\(result.error)")
    }

    @Test func aReloadShowsTheNewCertificateAndDropsNoConnection() throws {
      let server = try TLSDaemon()
      let result = try server.python(
        """
        kept = connect(trusting())
        assert get_status(kept) == 200
        subprocess.run(make_certificate("new.example.com"), check=True, capture_output=True)
        os.kill(daemon, signal.SIGHUP)
        until_logged("new.example.com", 1)
        assert get_status(kept) == 200, "the open connection was dropped"
        assert "new.example.com" in str(connect(trusting()).getpeercert()), "the old certificate is shown"
        open(key, "w").write("no key")
        os.kill(daemon, signal.SIGHUP)
        until_logged("still serving the old one", 1)
        assert get_status(kept) == 200 and "new.example.com" in str(connect(trusting()).getpeercert())
        """)
      #expect(result.status == 0, "\(result.error)")
    }

    @Test func aRequestInTheClearIsAnsweredInTheClear() throws {
      let server = try TLSDaemon()
      let connection = try HTTPConnection(host: "127.0.0.1", port: server.port)
      try connection.send(Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      let answer = try connection.receive()
      #expect(answer.status == 400 && answer.text.contains("use https"))
      #expect(answer.fields["connection"] == "close")
    }

    /// Invalid and missing handshakes hold no connection for long.
    @Test(
      arguments: [
        [], [0x16], [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], Array(repeating: 0x80, count: 100),
        [0x16, 0x03, 0x01, 0xFF, 0xFF, 0x01, 0x00],
      ] as [[UInt8]])
    func anIncompleteHandshakeTimesOut(_ bytes: [UInt8]) throws {
      let server = try TLSDaemon(environment: ["HANDSHAKE_TIMEOUT": "200ms"])
      let processID = server.daemon.process.processIdentifier
      let before = try ProcessUsage(of: processID).descriptors
      let connections = try (0..<20).map { _ in try HTTPConnection(host: "127.0.0.1", port: server.port) }
      for connection in connections { try connection.send(bytes) }
      // The clients stay connected to the end, and the server's linger ends by itself.
      let after = try ProcessUsage.of(processID, onceIts: \.descriptors, isAtMost: before)
      #expect(after.descriptors <= before)
      for connection in connections { connection.waitForEnd() }
    }
  }

  /// A start that fails writes one line.
  ///
  /// It names the setting, the file, the cause and the remedy.
  @Suite struct TLSStartTests {
    @Test(arguments: [
      ("certificate.pem", "other.pem", "TLS_KEY", "does not belong"),
      ("certificate.pem", "missing.pem", "TLS_KEY", "No such file"),
      ("missing.pem", "key.pem", "TLS_CERTIFICATE", "No such file"),
      ("expired.pem", "key.pem", "TLS_CERTIFICATE", "expired"),
      ("certificate.pem", "encrypted.pem", "TLS_KEY", "encrypted"),
      ("key.pem", "key.pem", "TLS_CERTIFICATE", "no certificate"),
      ("certificate.pem", "certificate.pem", "TLS_KEY", "no private key"),
    ])
    func aFileThatCannotServeIsNamed(
      _ certificate: String, _ key: String, _ variable: String, _ cause: String
    ) throws {
      let folder = try TemporaryFolder()
      try Certificates.make(in: folder)
      for verb in ["serve", "check"] {
        let result = try Program.run(
          [verb],
          environment: [
            "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
            "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
            "TLS_CERTIFICATE": "\(folder.url.path)/\(certificate)", "TLS_KEY": "\(folder.url.path)/\(key)",
          ])
        #expect(result.status == 78)
        let complaint = result.error.split(separator: "\n").filter { $0.contains(variable) }
        #expect(complaint.count == 1 && complaint[0].contains(cause), "\(verb): \(result.error)")
      }
    }
  }
}
