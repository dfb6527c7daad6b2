/// Files of the package as they were when the program was built, byte for byte.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct embedded_file {
  const uint8_t *bytes;
  size_t count;
};

/// The contract: openapi.yaml at the top of the package, and the same as JSON, which scripts/proof/openapi-json makes of
/// it.
extern const struct embedded_file embedded_openapi_yaml, embedded_openapi_json;

/// The page for browsers: the document, which names the style page.css and the script page.js, and these two. The
/// script is put together of the folder's files.
extern const struct embedded_file embedded_page_html, embedded_page_css, embedded_page_js;
