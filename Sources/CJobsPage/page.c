// The files of the page as bytes of the binary. C23's #embed takes no time, where the array literals that
// SwiftPM makes for a Swift target take half a minute.
#include "page.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../JobsPage/Page/index.html"
};

static const unsigned char actions_js[] = {
#embed "../JobsPage/Page/actions.js"
};

static const unsigned char announce_js[] = {
#embed "../JobsPage/Page/announce.js"
};

static const unsigned char api_js[] = {
#embed "../JobsPage/Page/api.js"
};

static const unsigned char base_css[] = {
#embed "../JobsPage/Page/base.css"
};

static const unsigned char chart_js[] = {
#embed "../JobsPage/Page/chart.js"
};

static const unsigned char counts_js[] = {
#embed "../JobsPage/Page/counts.js"
};

static const unsigned char curl_js[] = {
#embed "../JobsPage/Page/curl.js"
};

static const unsigned char dom_js[] = {
#embed "../JobsPage/Page/dom.js"
};

static const unsigned char filters_js[] = {
#embed "../JobsPage/Page/filters.js"
};

static const unsigned char format_js[] = {
#embed "../JobsPage/Page/format.js"
};

static const unsigned char graph_js[] = {
#embed "../JobsPage/Page/graph.js"
};

static const unsigned char health_css[] = {
#embed "../JobsPage/Page/health.css"
};

static const unsigned char health_js[] = {
#embed "../JobsPage/Page/health.js"
};

static const unsigned char job_css[] = {
#embed "../JobsPage/Page/job.css"
};

static const unsigned char job_js[] = {
#embed "../JobsPage/Page/job.js"
};

static const unsigned char jobs_css[] = {
#embed "../JobsPage/Page/jobs.css"
};

static const unsigned char jobs_js[] = {
#embed "../JobsPage/Page/jobs.js"
};

static const unsigned char json_js[] = {
#embed "../JobsPage/Page/json.js"
};

static const unsigned char kept_js[] = {
#embed "../JobsPage/Page/kept.js"
};

static const unsigned char keys_js[] = {
#embed "../JobsPage/Page/keys.js"
};

static const unsigned char list_js[] = {
#embed "../JobsPage/Page/list.js"
};

static const unsigned char live_js[] = {
#embed "../JobsPage/Page/live.js"
};

static const unsigned char logs_js[] = {
#embed "../JobsPage/Page/logs.js"
};

static const unsigned char media_js[] = {
#embed "../JobsPage/Page/media.js"
};

static const unsigned char output_js[] = {
#embed "../JobsPage/Page/output.js"
};

static const unsigned char prometheus_js[] = {
#embed "../JobsPage/Page/prometheus.js"
};

static const unsigned char remedies_js[] = {
#embed "../JobsPage/Page/remedies.js"
};

static const unsigned char router_js[] = {
#embed "../JobsPage/Page/router.js"
};

static const unsigned char session_js[] = {
#embed "../JobsPage/Page/session.js"
};

static const unsigned char start_js[] = {
#embed "../JobsPage/Page/start.js"
};

static const unsigned char steps_js[] = {
#embed "../JobsPage/Page/steps.js"
};

static const unsigned char stream_js[] = {
#embed "../JobsPage/Page/stream.js"
};

static const unsigned char table_js[] = {
#embed "../JobsPage/Page/table.js"
};

static const unsigned char text_js[] = {
#embed "../JobsPage/Page/text.js"
};

static const unsigned char timeline_js[] = {
#embed "../JobsPage/Page/timeline.js"
};

static const unsigned char workflow_css[] = {
#embed "../JobsPage/Page/workflow.css"
};

static const unsigned char workflow_js[] = {
#embed "../JobsPage/Page/workflow.js"
};

static const unsigned char workflows_js[] = {
#embed "../JobsPage/Page/workflows.js"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof bytes}

static const struct page_file files[] = {
    FILE_OF("index.html", index_html),
    FILE_OF("actions.js", actions_js),
    FILE_OF("announce.js", announce_js),
    FILE_OF("api.js", api_js),
    FILE_OF("base.css", base_css),
    FILE_OF("chart.js", chart_js),
    FILE_OF("counts.js", counts_js),
    FILE_OF("curl.js", curl_js),
    FILE_OF("dom.js", dom_js),
    FILE_OF("filters.js", filters_js),
    FILE_OF("format.js", format_js),
    FILE_OF("graph.js", graph_js),
    FILE_OF("health.css", health_css),
    FILE_OF("health.js", health_js),
    FILE_OF("job.css", job_css),
    FILE_OF("job.js", job_js),
    FILE_OF("jobs.css", jobs_css),
    FILE_OF("jobs.js", jobs_js),
    FILE_OF("json.js", json_js),
    FILE_OF("kept.js", kept_js),
    FILE_OF("keys.js", keys_js),
    FILE_OF("list.js", list_js),
    FILE_OF("live.js", live_js),
    FILE_OF("logs.js", logs_js),
    FILE_OF("media.js", media_js),
    FILE_OF("output.js", output_js),
    FILE_OF("prometheus.js", prometheus_js),
    FILE_OF("remedies.js", remedies_js),
    FILE_OF("router.js", router_js),
    FILE_OF("session.js", session_js),
    FILE_OF("start.js", start_js),
    FILE_OF("steps.js", steps_js),
    FILE_OF("stream.js", stream_js),
    FILE_OF("table.js", table_js),
    FILE_OF("text.js", text_js),
    FILE_OF("timeline.js", timeline_js),
    FILE_OF("workflow.css", workflow_css),
    FILE_OF("workflow.js", workflow_js),
    FILE_OF("workflows.js", workflows_js),
};

struct page_file page_file_at(size_t position) {
  static const struct page_file none;
  return position < sizeof files / sizeof files[0] ? files[position] : none;
}
