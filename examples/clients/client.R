# A client in R with httr2 and jsonlite.
#
# Debian: r-base-core r-cran-httr2 r-cran-jsonlite
# Run: Rscript client.R http://127.0.0.1:8080

library(httr2)
library(jsonlite)

url <- sub("/$", "", c(commandArgs(trailingOnly = TRUE), "http://127.0.0.1:8080")[1])

# jsonlite writes at most 15 digits of a number; 17 are needed for every one to arrive as it is.
exact_text <- function(x) {
  if (is.matrix(x)) {
    text <- paste(apply(x, 1, exact_text), collapse = ",")
  } else {
    text <- paste(sprintf("%.17g", x), collapse = ",")
  }
  structure(paste0("[", text, "]"), class = "json")
}

post <- function(path, message) {
  response <- request(paste0(url, path)) |>
    req_body_raw(toJSON(message, auto_unbox = TRUE, json_verbatim = TRUE), "application/json") |>
    req_error(is_error = function(response) FALSE) |>
    req_perform()
  answer <- fromJSON(resp_body_string(response))
  if (resp_status(response) != 200) stop(answer$status, " ", answer$detail, call. = FALSE)
  answer
}

softmax <- post("/softmax", list(logits = exact_text(c(0.1 + 0.2, 1 / 3, -2.5))))$probabilities
loss <- post("/loss", list(logits = c(40, 0), target = 0))$loss
logits <- rbind(c(2, 1, 0.1), c(0.5, 2.5, -1))
gradient <- post("/gradient", list(logits = exact_text(logits), target = c(0, 2)))$gradient
cat("softmax ", exact_text(softmax), "\n")
cat("loss    ", sprintf("%.17g", loss), "\n")
cat("gradient", exact_text(gradient), "\n")
refused <- tryCatch(
  {
    post("/loss", list(logits = c(1, 2), target = 5))
    NULL
  },
  error = conditionMessage
)
if (is.null(refused)) stop("a target that does not exist was answered")
cat("refused ", refused, "\n")

stopifnot(
  identical(softmax, c(0.47739415140192576, 0.49357548035441035, 0.02903036824366389)),
  identical(loss, 4.248354255291589e-18),
  identical(gradient, rbind(
    c(-0.17049943055701605, 0.12121648535235696, 0.04928294520465908),
    c(0.05805726733707059, 0.42898840530422866, -0.4870456726412992)
  ))
)
