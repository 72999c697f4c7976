import Testing

/// Tests that start processes, one after the other: a process started meanwhile would inherit the pipes of the others,
/// and keep them open.
@Suite(.serialized) struct ProcessTests {}
