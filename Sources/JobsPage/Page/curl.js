// A job as a command for a shell.

/** Whether the API requires a token, which the command then has to have. */
let isTokenRequired = false;

/** A word of a POSIX shell that means exactly this text. */
function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `curl` with the address of this page, and a token where the API requires one. */
function curlCommand(path, { method = "GET", body = null } = {}) {
  const words = ["curl -s"];
  if (method !== "GET" && body === null) words.push(`-X ${method}`);
  words.push(shellWord(new URL(path, location.href).href));
  if (isTokenRequired) words.push('-H "Authorization: Bearer $API_TOKEN"');
  if (body !== null) words.push('-H "Content-Type: application/json"', `-d ${shellWord(body)}`);
  return words.join(" \\\n  ");
}

/** The command that reads a job. */
function curlRead(id) {
  return curlCommand(`/jobs/${encodeURIComponent(id)}`);
}

/** The command that creates a job like this one. Its JSON is that of the job, byte for byte where it is ASCII. */
function curlCreate(job) {
  const version = job.get("model_version");
  const isNamed = /^[0-9a-f]{64}$/.test(version ?? "") && !job.get("model")?.includes(":");
  const model = [job.get("model"), isNamed ? version : null].filter(Boolean).join(":");
  const members = [`"model": ${JSON.stringify(model)}`, `"input": ${job.texts.get("input") ?? "{}"}`];
  if (job.texts.has("metadata")) members.push(`"metadata": ${job.texts.get("metadata")}`);
  return curlCommand("/jobs", { body: escapedJSON(`{${members.join(", ")}}`) });
}
