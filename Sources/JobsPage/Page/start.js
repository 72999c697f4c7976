// Starts the page. The view sends its first request before anything else.

views.jobs = showJobs;
if (typeof showJob === "function") views.job = showJob;
if (typeof showHealth === "function") views.health = showHealth;
[views.workflow, views.workflows] = [showWorkflow, showWorkflows];

history.scrollRestoration = "manual";
show({ isFirst: true, scroll: history.state?.scroll ?? 0 });
void showSession();
