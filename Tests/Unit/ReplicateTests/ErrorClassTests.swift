@testable import Replicate
import Testing

@Suite struct ErrorClassTests {
  /// Known texts and their classes.
  @Test(
    arguments: [
      ("Prediction interrupted; please retry (code: PA)", .interrupted),
      ("Director: unexpected error handling prediction (E6716)", .interrupted),
      ("Director: unexpected error handling prediction (E8765)", .interrupted),
      ("Director: unexpected error handling prediction (E9243)", .interrupted),
      ("Director: unexpected error handling prediction (E9828)", .interrupted), ("E6716", .interrupted),
      // The model needs a larger machine: the platform reports it, and is not to blame.
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

  /// Texts of failed predictions from the field.
  @Test(
    arguments: [
      (
        "Service is currently unavailable due to high demand. Please try again later. (E003) (abc123)",
        .providerBusy
      ),
      ("Queue is full", .providerBusy),
      ("429 Too Many Requests", .rateLimited),
      ("Unexpected error handling prediction (E9828)", .interrupted),
      ("Director: unexpected error handling prediction (E6716)", .interrupted),
      ("Prediction interrupted; please retry (code: PA)", .interrupted),
      (
        "All generated images contained NSFW content. Try running it again with a different prompt.",
        .contentRefused
      ),
      ("Your request was rejected by the safety system. safety_violations=[sexual].", .contentRefused),
      (
        "The input or output was flagged as sensitive. "
          + "Please try again with different inputs. (E005) (uIJ6l3ruRD)",
        .contentRefused
      ),
      ("The request failed because the output may contain sensitive information.", .contentRefused),
      ("Content flagged for: harassment", .contentRefused),
      ("CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 79.15 GiB total capacity)", .outOfMemory),
      ("CUDA error: device-side assert triggered", .unknown),
      ("Prediction failed: Request timed out", .unknown),
      ("Failed to download image: HTTP Error 404: Not Found", .invalidInput),
      ("cannot identify image file <_io.BytesIO object at 0x7f>", .invalidInput),
      ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096", .invalidInput),
      ("zoom level must be positive", .unknown),
      ("Service is temporarily unavailable. (E004)", .providerBusy), ("E003", .providerBusy),
      ("Output contains sensitive content", .contentRefused), ("(E005)", .contentRefused),
    ] as [(String, ErrorClass)])
  func fieldTextsAreClassified(_ text: String, _ expected: ErrorClass) {
    #expect(ErrorClass(classifying: text) == expected)
  }

  /// A keyword in another sense does not classify a text.
  @Test(arguments: [
    "LoRA names are case-sensitive", "scheduler: Case sensitive value", "The model is sensitive to the seed",
    "case-insensitive match failed", "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    "the option was flagged as deprecated", "Failed to download weights", "E0030", "guidance sensitivity < 0",
  ])
  func anUnrelatedTextIsUnknown(_ text: String) {
    #expect(ErrorClass(classifying: text) == .unknown)
  }

  @Test func `an exception hides no other sign`() {
    let text = "names are case-sensitive; output was flagged as unsafe"
    #expect(ErrorClass(classifying: text) == .contentRefused)
  }

  @Test(arguments: ErrorClass.allCases)
  func onlyAnInterruptionIsRetryable(_ meaning: ErrorClass) {
    #expect(meaning.isRetryable == (meaning == .interrupted))
  }
}
