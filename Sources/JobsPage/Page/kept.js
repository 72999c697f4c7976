// Kept files: the copies of an output's files that the daemon has, and why it lacks others.

/** By `files[].error.code` and `archive.code`: what to do about a file that is not kept. */
const keptRemedies = {
  source_busy: "Nothing to do: it is tried again.",
  not_found: "Nothing to do: it is tried again until the source has expired.",
  expired: "The source has deleted it. Retry the job.",
  denied: "The source refuses it. It is tried again until the source has expired.",
  refused: "The source refuses it.",
  redirect_refused: "The source redirects to a host that ARCHIVE_HOSTS does not name.",
  address_refused: "The host has an address inside a network, from which nothing is fetched.",
  too_large: "The file is larger than a file may be.",
  too_many_files: "The output has more files than are kept of one job, so that none is.",
  mismatch: "What arrived was damaged on its way.",
  bad_data_uri: "The data: URI in the output is malformed.",
  store_full: "Free space where files are kept.",
  store_denied: "Check ARCHIVE_KEY_ID, ARCHIVE_SECRET_KEY, and what they allow in the bucket.",
  store_unreachable: "Nothing to do: it is tried again. Check the network to the bucket.",
  store_misconfigured: "Check ARCHIVE, ARCHIVE_ENDPOINT and ARCHIVE_REGION against the message.",
  spool_lost: "It was gone before it was stored, after the source had expired.",
  canceled: "Its files were deleted before it was fetched.",
};

/** The entries of a job's `files`, by the place in the output that each is of. */
class KeptFiles {
  constructor(job) {
    this.text = job.texts.get("files") ?? "";
    this.archive = job.get("archive") ?? null;
    this.byPlace = new Map((job.get("files") ?? []).map((file) => [file.at, file]));
  }

  /** The entry of a string in the output; undefined where it is no file. */
  at(pointer) {
    return pointer === null ? undefined : this.byPlace.get(`/output${pointer}`);
  }
}

/** The URL of a kept copy; null where there is none. */
function keptURL(file) {
  return file?.url && ["fetched", "stored"].includes(file.state) ? file.url : null;
}

/** The kind of a kept copy by its media type, which is checked against its bytes. */
function keptKind(file) {
  return /^(image|audio|video)\//.exec(file?.type ?? "")?.[1] ?? null;
}

/** What is known of a kept copy, in a line below its figure. */
function keptNote(file) {
  const size = file.size === undefined ? "" : `, ${formatBytes(file.size)}`;
  const reason = file.error ? visibleText(`${file.error.message} (${file.error.code})`) : "";
  const remedy = file.error && Object.hasOwn(keptRemedies, file.error.code)
    ? ` ${keptRemedies[file.error.code]}` : "";
  switch (file.state) {
    case "stored": return [`kept${size}`];
    case "fetched":
      return [
        `kept on the daemon's disk${size}`, reason && `; not yet where it belongs: ${reason}.${remedy}`,
      ];
    case "waiting":
      return ["not kept yet", reason && `: ${reason}.${remedy}`,
        file.next_try_at && reason ? [" Next try ", formatTime(file.next_try_at), "."] : ""];
    case "failed": return ["not kept", reason && `: ${reason}.${remedy}`];
    case "deleting": case "deleted": return ["the kept copy was deleted"];
    default: return [visibleText(String(file.state))];
  }
}

/** What is kept of a job, in one line. */
function keptSummary({ state, stored, waiting, failed, bytes, mode, code }) {
  const parts = [
    stored ? `${formatNumber(stored)} kept, ${formatBytes(bytes ?? 0)}` : null,
    waiting ? `${formatNumber(waiting)} on the way` : null,
    failed ? `${formatNumber(failed)} not kept` : null,
  ].filter(Boolean);
  if (state === "open") parts.push("after the end");
  else if (state === "none") parts.push("no files in the output");
  else if (state === "deleted") parts.push("deleted");
  else if (parts.length === 0) parts.push(mode === "off" ? "off" : String(state));
  if (mode === "required") parts.push("required");
  return visibleText(parts.join("; ") + (code ? ` (${code})` : ""));
}
