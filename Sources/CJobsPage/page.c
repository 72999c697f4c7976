// The files of the page as bytes of the binary. C23's #embed takes no time, where the array literals that
// SwiftPM makes for a Swift target take half a minute.
#include "page.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../JobsPage/Page/index.html"
};

static const unsigned char base_css[] = {
#embed "../JobsPage/Page/base.css"
};

static const unsigned char start_js[] = {
#embed "../JobsPage/Page/start.js"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof bytes}

static const struct page_file files[] = {
    FILE_OF("index.html", index_html),
    FILE_OF("base.css", base_css),
    FILE_OF("start.js", start_js),
};

struct page_file page_file_at(size_t position) {
  static const struct page_file none;
  return position < sizeof files / sizeof files[0] ? files[position] : none;
}
