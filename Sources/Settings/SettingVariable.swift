extension SettingsReader {
  /// The variables that this version knows.
  package enum Variable: String, CaseIterable, Sendable {
    case webhookSecret = "REPLICATE_WEBHOOK_SECRET"
    case webhookListen = "WEBHOOK_LISTEN"
    case apiListen = "API_LISTEN"
    case tlsCertificate = "TLS_CERTIFICATE"
    case tlsKey = "TLS_KEY"
    case trustedProxies = "TRUSTED_PROXIES"
    case apiTokens = "API_TOKENS"
    case databaseURL = "DATABASE_URL"
    case replicateAPIToken = "REPLICATE_API_TOKEN"
    case replicateAPIURL = "REPLICATE_API_URL"
    case publicURL = "PUBLIC_URL"
    case jobTimeout = "JOB_TIMEOUT"
    case reconcileAfter = "RECONCILE_AFTER"
    case createsPerMinute = "CREATES_PER_MINUTE"
    case maxQueuedOrders = "MAX_QUEUED_ORDERS"
    case outputRules = "OUTPUT_RULES"
    case retention = "RETENTION"
    case signatureTolerance = "SIGNATURE_TOLERANCE"
    case shutdownGrace = "SHUTDOWN_GRACE"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"

    // Limits.
    case maxBody = "MAX_BODY"
    case maxHeader = "MAX_HEADER"
    case maxHeaderFields = "MAX_HEADER_FIELDS"
    case maxTarget = "MAX_TARGET"
    case maxConnections = "MAX_CONNECTIONS"
    case maxConnectionsPerAddress = "MAX_CONNECTIONS_PER_ADDRESS"
    case maxBytesInFlight = "MAX_BYTES_IN_FLIGHT"
    case maxRequestsPerConnection = "MAX_REQUESTS_PER_CONNECTION"
    case handshakeTimeout = "HANDSHAKE_TIMEOUT"
    case firstByteTimeout = "FIRST_BYTE_TIMEOUT"
    case headerTimeout = "HEADER_TIMEOUT"
    case bodyTimeout = "BODY_TIMEOUT"
    case writeTimeout = "WRITE_TIMEOUT"
    case minRate = "MIN_RATE"
    case idleTimeout = "IDLE_TIMEOUT"

    package var isSecret: Bool { [.webhookSecret, .apiTokens, .replicateAPIToken].contains(self) }
    var fileVariable: String { rawValue + "_FILE" }
  }
}
