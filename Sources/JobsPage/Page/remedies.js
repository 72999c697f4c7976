// Every code that a job can show, and the remedy. A test compares the names with the daemon's sources.

/** By `error.code`: what has happened, and what to do about it. */
const remedies = {
  invalid_input: {
    title: "The request or its input was refused",
    remedy: "Change the input as the message describes, and retry it with the change.",
  },
  insufficient_credit: {
    title: "The Replicate account has no credit left",
    remedy: "Add credit at replicate.com/account/billing, then retry.",
  },
  content_refused: {
    title: "A content filter refused the prompt or the output",
    remedy: "Change the prompt. Some models let you set how strict the filter is.",
  },
  invalid_output: {
    title: "The prediction ended well, but its output breaks an output rule",
    remedy: "Compare the output with the message. Correct the rule (expect, OUTPUT_RULES), or retry.",
  },
  out_of_memory: {
    title: "The model's GPU was too small for this input",
    remedy: "Reduce the size or the number of outputs, or use a model on larger hardware.",
  },
  unknown: {
    title: "The model failed",
    remedy: "The message and the logs have the model's own words. A retry may help.",
  },
  interrupted: {
    title: "Replicate interrupted the prediction",
    remedy: "Retry: neither model nor input is to blame. With retries in the request it happens by itself.",
  },
  provider_busy: {
    title: "Replicate had no capacity",
    remedy: "Retry later.",
  },
  rate_limited: {
    title: "Replicate limited the rate",
    remedy: "Retry later. A lower CREATES_PER_MINUTE avoids it.",
  },
  gone: {
    title: "Replicate no longer knows the prediction",
    remedy: "It was deleted, or belongs to another account. Check REPLICATE_API_TOKEN, then retry.",
  },
  answer_lost: {
    title: "The call that creates the prediction had no answer",
    remedy: "The prediction may have run: look for it at replicate.com/predictions before you retry. "
      + "With PUBLIC_URL the daemon finds such predictions.",
  },
  aborted: {
    title: "The prediction was ended before it started",
    remedy: "Retry. If cancel_after ended it, allow more time.",
  },
  canceled: {
    title: "The job was canceled",
    remedy: "Nothing to do. Retry it if you want it after all.",
  },
  archive_failed: {
    title: "Replicate has succeeded, but not all files of the output could be kept in time",
    remedy: "The output shows what is wrong with each file. What waits is still kept if that is repaired.",
  },
  not_started: {
    title: "The job was not sent within its start_before",
    remedy: "Nothing was created and nothing is billed. Retry, or allow more time.",
  },
};

/** By `order.reason`: why the job waits, and what shortens the wait. */
const waits = {
  throttled: {
    title: "It waits for its turn: CREATES_PER_MINUTE",
    remedy: "Nothing to do. Raise CREATES_PER_MINUTE if Replicate grants your account more.",
  },
  rate_limited: {
    title: "Replicate accepts no creations for the time that it set",
    remedy: "Nothing to do. If it happens often, lower CREATES_PER_MINUTE.",
  },
  unauthorized: {
    title: "Replicate does not accept the token",
    remedy: "Set a valid REPLICATE_API_TOKEN and restart the daemon. The job is sent then.",
  },
  insufficient_credit: {
    title: "The Replicate account has to be paid",
    remedy: "Add credit at replicate.com/account/billing. Creations are tried again each minute.",
  },
  unreachable: {
    title: "Replicate cannot be reached, or does not answer",
    remedy: "Check this machine's network, proxy and DNS. It is tried again at least each minute.",
  },
  refused: {
    title: "Replicate refused this job (403)",
    remedy: "Check that the account may run this model. After ten refusals the job fails.",
  },
};

/** By `order.stage`: where the job is on its way to Replicate. */
const stages = {
  queued: { title: "It is queued, and is sent next", remedy: "Nothing to do." },
  sending: { title: "It is being sent to Replicate", remedy: "Nothing to do." },
  unanswered: {
    title: "The call that creates the prediction had no answer",
    remedy: "Nothing to do: the daemon finds it, or creates it if it is not there a minute later.",
  },
  placed: { title: "The cancellation is on its way to Replicate", remedy: "Nothing to do." },
  ended: { title: "No prediction will be created", remedy: "Nothing to do." },
};

/** By `state`, where nothing else explains it. */
const situations = {
  pending: {
    title: "Waiting at Replicate for a machine",
    remedy: "Nothing to do. A model that has not run for a while takes minutes to start.",
  },
  running: { title: "Running", remedy: "" },
  stale: {
    title: "No update for longer than its timeout",
    remedy: "The daemon goes on polling, and any update ends this. If webhooks are lost, check PUBLIC_URL.",
  },
  held: {
    title: "Replicate has succeeded, and the files of the output are on their way to where they are kept",
    remedy: "Nothing to do: the job succeeds when all of them are stored, as its archive: required demands.",
  },
  succeeded: { title: "Succeeded", remedy: "" },
  canceled: { title: "Canceled while it ran", remedy: "Retry it if you want it after all." },
};

/** The entry of a table, also for a code that a newer daemon has added. */
function remedyFor(table, code) {
  return Object.hasOwn(table, code) ? table[code] : { title: code, remedy: "See the message." };
}
