// Starts the page: the first request is sent before anything else.

views.jobs = showJobs;
if (typeof showJob === "function") views.job = showJob;
if (typeof showHealth === "function") views.health = showHealth;

history.scrollRestoration = "manual";
show({ isFirst: true, scroll: history.state?.scroll ?? 0 });
void showSession();
