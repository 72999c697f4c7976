import ReplicateAPI
import Testing

@Suite struct ErrorClassTests {
  /// The texts that are known, each with what becomes of it.
  @Test(
    arguments: [
      ("Prediction interrupted; please retry (code: PA)", .interrupted),
      ("Director: unexpected error handling prediction (E6716)", .interrupted),
      ("Director: unexpected error handling prediction (E8765)", .interrupted),
      ("Director: unexpected error handling prediction (E9243)", .interrupted),
      ("Director: unexpected error handling prediction (E9828)", .interrupted), ("E6716", .interrupted),
      // The model needs a larger machine: the platform says it, and is not to blame.
      ("Director: unexpected error handling prediction (E1001)", .outOfMemory), ("OOM", .outOfMemory),
      ("CUDA out of memory. Tried to allocate 2.00 GiB", .outOfMemory), ("E10010", .unknown),
      ("room", .unknown),
      ("E1000", .unknown), ("E4875", .unknown), ("", .unknown), ("code: path", .unknown),
      ("Status code: Payment required", .unknown), ("No director: none", .unknown),
      ("NSFW content detected in all images", .contentRefused),
      ("You have insufficient credit to run this model.", .insufficientCredit),
      ("Request was throttled. Your rate limit resets in ~30s.", .rateLimited),
      ("Service is currently unavailable", .providerBusy),
      ("Invalid input: prompt is required", .invalidInput),
      ("Invalid version or not permitted", .invalidInput),
      (
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
        .invalidInput
      ),
    ] as [(String, ErrorClass)])
  func textsAreClassified(_ text: String, _ expected: ErrorClass) {
    #expect(ErrorClass(classifying: text) == expected)
  }

  @Test(arguments: ErrorClass.allCases)
  func onlyAnInterruptionIsTriedAgain(_ meaning: ErrorClass) {
    #expect(meaning.isRetryable == (meaning == .interrupted))
  }
}
