import Testing

/// Tests that start processes, run one at a time.
///
/// A process started concurrently would inherit the others' pipes, and keep them open.
@Suite(.serialized) struct ProcessTests {}
