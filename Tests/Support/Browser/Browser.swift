internal import Foundation
internal import LiveDaemon

/// A headless Chromium, driven through chromedriver (W3C WebDriver).
///
/// Use it on one thread at a time: the suites that share it are serialized.
///
/// `@unchecked Sendable`: see above.
package final class Browser: @unchecked Sendable {
  /// Whether tests use a browser: where it is installed, or must be.
  ///
  /// `BROWSER_TESTS=required` makes its absence a failure of the tests that need it.
  package static let isAvailable: Bool = {
    let parts = [DriverProcess.path, DriverProcess.browser, Accessibility.script]
    if parts.allSatisfy({ $0 != nil }) { return true }
    if ProcessInfo.processInfo.environment["BROWSER_TESTS"] == "required" { return true }
    let line = "Chromium, its driver or axe-core is not installed, so the tests of the page are skipped.\n"
    FileHandle.standardError.write(Data("\(line)deploy/test.sh installs all three.\n".utf8))
    return false
  }()

  /// The browser that all tests of this process share.
  ///
  /// It is started when it is first used.
  package static func shared() throws -> Browser {
    try sharedBrowser.withLock { browser in
      if let browser { return browser }
      let started = try Browser()
      browser = started
      _ = atexit { Browser.sharedBrowser.withLock { $0?.end() } }
      return started
    }
  }

  /// The browser that tests share, if one of them has started it.
  package static var running: Browser? { sharedBrowser.withLock { $0 } }

  private static let sharedBrowser = Guarded<Browser?>(nil)

  /// A name that the browser resolves to 127.0.0.1. No other name is resolved.
  package static let outsideHost = "outside.test"

  /// The watcher of the document: it runs before every script of a page.
  private static let watcher = """
    window.policyViolations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.policyViolations.push(
      `${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
    """

  private let folder: TemporaryFolder
  private let driver: DriverProcess
  private let connection: DriverConnection
  private let session: String
  /// What was read from the driver's logs, and not yet taken.
  var traffic = Traffic()

  private init() throws {
    guard let browser = DriverProcess.browser else { throw Unusable("Chromium is not installed") }
    folder = try TemporaryFolder()
    driver = try DriverProcess(in: folder)
    connection = DriverConnection(port: driver.port)
    let capabilities: [String: Any] = [
      "goog:chromeOptions": [
        "binary": browser, "args": Self.arguments(profile: folder.url.appendingPathComponent("profile").path),
      ],
      "goog:loggingPrefs": ["browser": "ALL", "performance": "ALL"],
      "unhandledPromptBehavior": "ignore",
      "timeouts": ["implicit": 0, "pageLoad": 30_000, "script": 30_000],
    ]
    let value = try connection.send(
      "POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
    guard let session = (value as? [String: Any])?["sessionId"] as? String else {
      throw Unusable("chromedriver made no session: \(value)")
    }
    self.session = session
    try runDevToolsCommand("Page.addScriptToEvaluateOnNewDocument", ["source": Self.watcher])
  }

  deinit { end() }

  /// Ends the browser, which removes its profile, and then its driver.
  private func end() {
    _ = try? connection.send("DELETE", "/session/\(session)")
    driver.end()
    try? FileManager.default.removeItem(at: folder.url)
  }

  private static func arguments(profile: String) -> [String] {
    [
      // The pipe ends with the driver, and the browser ends with the pipe.
      "--headless", "--remote-debugging-pipe", "--user-data-dir=\(profile)",
      // Root cannot use the sandbox, and it opens no pages but those of the tests.
      "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
      // No request but those of the page.
      "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
      "--disable-domain-reliability", "--disable-extensions", "--no-first-run", "--no-default-browser-check",
      "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication",
      "--host-resolver-rules=MAP \(outsideHost) 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE 127.0.0.*",
      // The same picture on every machine.
      "--force-color-profile=srgb", "--lang=en-US", "--window-size=1280,800",
    ]
  }

  // MARK: Commands

  /// Sends a command of the session.
  @discardableResult
  func send(_ method: String, _ path: String, _ parameters: [String: Any] = [:]) throws -> Any {
    try connection.send(method, "/session/\(session)\(path)", parameters)
  }

  /// Sends a command of the Chrome DevTools Protocol.
  @discardableResult
  package func runDevToolsCommand(_ name: String, _ parameters: [String: Any] = [:]) throws -> Any {
    try send("POST", "/goog/cdp/execute", ["cmd": name, "params": parameters])
  }

  /// Polls `condition` until it holds.
  ///
  /// Elements that are not there yet, or no more, count as a condition that does not hold.
  ///
  /// - Parameter what: the awaited event, for the error after `seconds`.
  package func wait(for what: String, seconds: Int = 10, until condition: () throws -> Bool) throws {
    let start = ContinuousClock.now
    while true {
      do { if try condition() { return } } catch let error as DriverError where error.isTransient {}
      guard ContinuousClock.now - start < .seconds(seconds) else {
        let shown = (try? text)?.prefix(2000) ?? "nothing"
        throw Unusable("timed out after \(seconds) s waiting for \(what); the page shows: \(shown)")
      }
      poll(nil, 0, 20)
    }
  }

  // MARK: The page

  /// Opens an address, and waits until its document has loaded.
  package func open(_ url: String) throws { try send("POST", "/url", ["url": url]) }

  package func reload() throws { try send("POST", "/refresh") }
  package func goBack() throws { try send("POST", "/back") }
  package func goForward() throws { try send("POST", "/forward") }

  package var url: String { get throws { try send("GET", "/url") as? String ?? "" } }
  package var title: String { get throws { try send("GET", "/title") as? String ?? "" } }

  /// The text as it is rendered.
  package var text: String {
    get throws { try run("return document.body ? document.body.innerText : '';") as? String ?? "" }
  }

  /// Runs a function's body, and returns its value.
  @discardableResult
  package func run(_ body: String, _ arguments: [Any] = []) throws -> Any {
    try send("POST", "/execute/sync", ["script": body, "args": arguments])
  }

  /// Runs a function's body whose last argument takes the value.
  @discardableResult
  package func runAsynchronously(_ body: String, _ arguments: [Any] = []) throws -> Any {
    try send("POST", "/execute/async", ["script": body, "args": arguments])
  }

  /// Writes a picture of the viewport to `.build/screenshots`, and returns its path.
  @discardableResult
  package func takeScreenshot(_ name: String) throws -> String {
    guard let text = try send("GET", "/screenshot") as? String, let picture = Data(base64Encoded: text) else {
      throw Unusable("the driver made no screenshot")
    }
    let folder = Program.root.appendingPathComponent(".build/screenshots")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("\(name).png")
    try picture.write(to: file)
    return file.path
  }

  // MARK: Surroundings

  /// Sets the size of the viewport, which the window does not bound.
  package func setViewport(width: Int, height: Int) throws {
    try runDevToolsCommand(
      "Emulation.setDeviceMetricsOverride",
      ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
  }

  /// Emulates a user's preferences (Media Queries Level 5).
  package func emulate(isDark: Bool = false, reducesMotion: Bool = false) throws {
    try runDevToolsCommand(
      "Emulation.setEmulatedMedia",
      [
        "features": [
          ["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"],
          ["name": "prefers-reduced-motion", "value": reducesMotion ? "reduce" : "no-preference"],
        ]
      ])
  }

  /// Makes the browser as it was when it started, but for its cache of connections.
  package func reset() throws {
    try open("about:blank")
    try runDevToolsCommand("Network.clearBrowserCookies")
    try runDevToolsCommand("Network.clearBrowserCache")
    try runDevToolsCommand("Storage.clearDataForOrigin", ["origin": "*", "storageTypes": "all"])
    try setViewport(width: 1280, height: 800)
    try emulate()
    _ = try readLogs()
    traffic = Traffic()
  }
}
