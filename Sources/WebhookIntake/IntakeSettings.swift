package import Settings
package import StandardWebhooks

extension SettingVariable {
  package static let webhookSecret = SettingVariable(
    "REPLICATE_WEBHOOK_SECRET",
    "The signing secret, `whsec_…`; several, separated by spaces, while one is replaced. Fetched "
      + "with `REPLICATE_API_TOKEN` where it is not set.", isSecret: true, reload: .whileSet)
  static let signatureTolerance = SettingVariable(
    "SIGNATURE_TOLERANCE",
    "How far `webhook-timestamp` may be from this machine's clock, either way.")
}

/// The settings of signature verification.
package struct IntakeSettings: Sendable {
  /// In the order given: logs and metrics number them so. Empty if the secret is fetched from the provider.
  package var secrets: [Secret]
  package var signatureTolerance: Duration

  package static let variables: [SettingVariable] = [.webhookSecret, .signatureTolerance]

  /// - Parameters:
  ///   - isSecretRequired: whether a missing secret is a problem.
  ///   - alternative: another remedy for a missing secret, appended to the advice.
  package init(from reader: inout SettingsReader, isSecretRequired: Bool, alternative: String) {
    secrets = Self.secrets(from: &reader, isRequired: isSecretRequired, alternative: alternative)
    signatureTolerance = Self.signatureTolerance(from: &reader)
  }

  /// The maximum age of a delivery's signature. A problem with it is reported once.
  package static func signatureTolerance(from reader: inout SettingsReader) -> Duration {
    let standard = Duration.seconds(300)
    guard !reader.hasProblem(with: .signatureTolerance) else { return standard }
    return reader.duration(
      .signatureTolerance, default: standard, in: .seconds(1)...(.seconds(86_400)))
  }

  /// Reads the secrets alone, with the parameters of ``init(from:isSecretRequired:alternative:)``.
  package static func secrets(
    from reader: inout SettingsReader, isRequired: Bool, alternative: String
  ) -> [Secret] {
    let text = reader.secretText(.webhookSecret) ?? ""
    guard !reader.hasProblem(with: .webhookSecret), isRequired || !text.isEmpty else { return [] }
    var secrets: [Secret] = []
    for (index, part) in text.split(whereSeparator: \.isWhitespace).enumerated() {
      do throws(SecretError) {
        secrets.append(try Secret(String(part)))
      } catch {
        reader.report(.webhookSecret, "secret \(index + 1): \(error)")
      }
    }
    if text.allSatisfy(\.isWhitespace) {
      reader.report(
        .webhookSecret,
        """
        set it to the signing secret (whsec_…) that GET \
        https://api.replicate.com/v1/webhooks/default/secret returns\(alternative)
        """)
    }
    return secrets
  }
}
