#include "EmbeddedFiles.h"

// In C, since clang reads a file of 100 KB at once; a Swift array of as many bytes takes the compiler a minute.

static const uint8_t openapi_yaml[] = {
#embed "../../openapi.yaml"
};
const struct embedded_file embedded_openapi_yaml = {openapi_yaml, sizeof openapi_yaml};

static const uint8_t openapi_json[] = {
#embed "../../openapi.json"
};
const struct embedded_file embedded_openapi_json = {openapi_json, sizeof openapi_json};

static const uint8_t page_html[] = {
#embed "Page/page.html"
};
const struct embedded_file embedded_page_html = {page_html, sizeof page_html};

static const uint8_t page_css[] = {
#embed "Page/page.css"
};
const struct embedded_file embedded_page_css = {page_css, sizeof page_css};

static const uint8_t page_js[] = {
#embed "Page/elements.js" suffix(, )
#embed "Page/state.js" suffix(, )
#embed "Page/service.js" suffix(, )
#embed "Page/instrument.js" suffix(, )
#embed "Page/derivation.js" suffix(, )
#embed "Page/charts.js" suffix(, )
#embed "Page/programs.js" suffix(, )
#embed "Page/check.js" suffix(, )
#embed "Page/main.js"
};
const struct embedded_file embedded_page_js = {page_js, sizeof page_js};
