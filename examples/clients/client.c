// A client in C with libcurl and Jansson.
//
// Debian: gcc libc6-dev libcurl4-openssl-dev libjansson-dev
// Build: cc -O2 -Wall -Wextra -o client client.c -lcurl -ljansson
// Run: ./client http://127.0.0.1:8080

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t count;
};

static size_t append(char *bytes, size_t size, size_t count, void *context) {
    struct text *text = context;
    char *grown = realloc(text->bytes, text->count + size * count);
    if (!grown) return 0;
    memcpy(grown + text->count, bytes, size * count);
    text->bytes = grown;
    text->count += size * count;
    return size * count;
}

// Sends `message` and frees it; returns the answer, for json_decref, and sets `*status`. NULL where there is no answer.
static json_t *post(CURL *curl, const char *url, json_t *message, long *status) {
    char *body = json_dumps(message, JSON_COMPACT);  // 17 digits of each number
    struct text text = {0};
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) fprintf(stderr, "%s: %s\n", url, curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    json_t *answer = code == CURLE_OK ? json_loadb(text.bytes, text.count, 0, NULL) : NULL;
    curl_slist_free_all(fields);
    free(text.bytes);
    free(body);
    json_decref(message);
    return answer;
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "http://127.0.0.1:8080";
    char softmax[256], loss[256], gradient[256];
    int length = (int)strlen(url);
    if (length > 0 && url[length - 1] == '/') length--;
    snprintf(softmax, sizeof softmax, "%.*s/softmax", length, url);
    snprintf(loss, sizeof loss, "%.*s/loss", length, url);
    snprintf(gradient, sizeof gradient, "%.*s/gradient", length, url);
    CURL *curl = curl_easy_init();  // one handle for all: it keeps the connection open
    if (!curl) return 1;
    long status = 0;

    double p[3], l, g[2][3];
    json_t *message = json_pack("{s:[fff]}", "logits", 0.1 + 0.2, 1.0 / 3, -2.5);
    json_t *first = post(curl, softmax, message, &status);
    message = json_pack("{s:[ff], s:i}", "logits", 40.0, 0.0, "target", 0);
    json_t *second = post(curl, loss, message, &status);
    message = json_pack("{s:[[fff],[fff]], s:[ii]}", "logits", 2.0, 1.0, 0.1, 0.5, 2.5, -1.0, "target", 0, 2);
    json_t *third = post(curl, gradient, message, &status);
    // F takes a whole number too. The exclamation mark asks for just so many items.
    if (json_unpack(first, "{s:[FFF!]}", "probabilities", &p[0], &p[1], &p[2]) != 0 ||
        json_unpack(second, "{s:F}", "loss", &l) != 0 ||
        json_unpack(third, "{s:[[FFF!],[FFF!]!]}", "gradient", &g[0][0], &g[0][1], &g[0][2], &g[1][0], &g[1][1],
                    &g[1][2]) != 0) {
        fprintf(stderr, "not the answer that was asked for\n");
        return 1;
    }
    printf("softmax  %.17g %.17g %.17g\n", p[0], p[1], p[2]);
    printf("loss     %.17g\n", l);
    printf("gradient %.17g %.17g %.17g, ", g[0][0], g[0][1], g[0][2]);
    printf("%.17g %.17g %.17g\n", g[1][0], g[1][1], g[1][2]);

    const char *detail = "";
    json_t *problem = post(curl, loss, json_pack("{s:[ff], s:i}", "logits", 1.0, 2.0, "target", 5), &status);
    json_unpack(problem, "{s:s}", "detail", &detail);
    printf("refused  %ld %s\n", status, detail);

    const double probabilities[3] = {0.47739415140192576, 0.49357548035441035, 0.02903036824366389};
    const double rows[2][3] = {{-0.17049943055701605, 0.12121648535235696, 0.04928294520465908},
                               {0.05805726733707059, 0.42898840530422866, -0.4870456726412992}};
    int exact = l == 4.248354255291589e-18;
    for (int c = 0; c < 3; c++)
        exact = exact && p[c] == probabilities[c] && g[0][c] == rows[0][c] && g[1][c] == rows[1][c];
    if (!exact) fprintf(stderr, "a number differs\n");
    if (status != 422) fprintf(stderr, "a target that does not exist was answered\n");

    json_decref(first);
    json_decref(second);
    json_decref(third);
    json_decref(problem);
    curl_easy_cleanup(curl);
    return exact && status == 422 ? 0 : 1;
}
